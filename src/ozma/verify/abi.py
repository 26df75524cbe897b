"""Where a function's arguments and results are: System V AMD64 and AAPCS64, as LLVM lowers them.

Only types whose place is certain are supported; every other function is refused with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from ozma.llvm.interface import Function, Parameter, Type

STACK_WORDS = 16
_VARIABLE_ARGUMENTS = 6
_REFUSED = {
    "inalloca": "takes a struct by value",
    "preallocated": "takes a struct by value",
    "nest": "takes a static chain",
    "swiftself": "has a Swift calling convention",
    "swifterror": "has a Swift calling convention",
    "inreg": "has a register convention of its own",
}


class Unsupported(Exception):
    """This function cannot be called by the runner; the text is the reason."""


@dataclass(frozen=True)
class Machine:
    """Argument registers of an ABI; `indirect`: the result's address has a register of its own."""

    integers: int
    floats: int
    indirect: bool


MACHINES = {"x86_64": Machine(6, 8, False), "aarch64": Machine(8, 8, True)}


@dataclass(frozen=True)
class Slot:
    """One word of an argument. `place` is integer, float, stack or indirect; `index` within it."""

    place: str
    index: int
    type: Type
    attributes: frozenset[str]


@dataclass(frozen=True)
class Signature:
    """Argument slots in order, and the results as (place, index, type) of result registers."""

    slots: tuple[Slot, ...]
    results: tuple[Slot, ...]


class _Assignment:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._used = {"integer": 0, "float": 0, "stack": 0, "indirect": 0}
        self.slots: list[Slot] = []

    def _take(self, place: str, type_: Type, attributes: frozenset[str]) -> None:
        limits = {"integer": self._machine.integers, "float": self._machine.floats}
        if self._used[place] >= limits.get(place, STACK_WORDS):
            if place == "stack":
                raise Unsupported("takes too many arguments")
            return self._take("stack", type_, attributes)
        self.slots.append(Slot(place, self._used[place], type_, attributes))
        self._used[place] += 1

    def add(self, parameter: Parameter) -> None:
        for name, reason in _REFUSED.items():
            if name in parameter.attributes:
                raise Unsupported(reason)
        if parameter.copied:
            self._add_copy(parameter)
        elif "sret" in parameter.attributes and self._machine.indirect:
            self._take("indirect", parameter.type, parameter.attributes)
        else:
            for word in words_of(parameter.type, "takes"):
                self._take(_place(word), word, parameter.attributes)

    def _add_copy(self, parameter: Parameter) -> None:
        """A struct in the argument area (x86-64 byval): words in order."""
        if parameter.alignment > 8 or self._machine.indirect:
            raise Unsupported("takes a struct by value")
        for _ in range((parameter.copied + 7) // 8):
            self._take("stack", Type("int", 64), frozenset({"member"}))


def _place(type_: Type) -> str:
    return "integer" if type_.kind in ("int", "pointer") else "float"


def words_of(type_: Type, verb: str) -> list[Type]:
    """The register-sized parts of a type; Unsupported if it has others."""
    if type_.kind in ("struct", "array"):
        return [word for element in type_.elements for word in words_of(element, verb)]
    if type_.kind == "int" and type_.bits <= 64 or type_.kind in ("pointer", "float", "double"):
        return [type_]
    if type_.kind == "vector" and type_.bits <= 64 and "i" not in type_.text:
        return [Type("double")]  # two floats in one vector register
    if type_.kind == "int":
        raise Unsupported(f"{verb} an integer of {type_.bits} bits")
    raise Unsupported(f"{verb} a value of type {type_.text}")


def _results(type_: Type) -> tuple[Slot, ...]:
    if type_.kind == "void":
        return ()
    used = {"integer": 0, "float": 0}
    slots = []
    for word in words_of(type_, "returns"):
        place = _place(word)
        if used[place] == 2:
            raise Unsupported(f"returns a value of type {type_.text}")
        slots.append(Slot(place, used[place], word, frozenset()))
        used[place] += 1
    return tuple(slots)


def signature_of(function: Function, machine: Machine) -> Signature:
    """Where the runner puts the arguments and finds the results; Unsupported with the reason."""
    assignment = _Assignment(machine)
    for parameter in function.parameters:
        assignment.add(parameter)
    for _ in range(_VARIABLE_ARGUMENTS if function.variadic else 0):
        assignment.add(Parameter(Type("int", 64), frozenset({"member"})))
    return Signature(tuple(assignment.slots), _results(function.result))
