"""What a module offers and needs, as plain data: functions with their types, variables,
constants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """An IR type: `kind` is void, int, float, double, pointer, struct, array, vector or other.

    `bits` is the width of an int, and the whole size of a vector; `elements` are those of a struct
    or array; `text` is the type as LLVM prints it.
    """

    kind: str
    bits: int = 0
    elements: tuple[Type, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Parameter:
    """`copied` is the size in bytes of a struct passed by value (byval), with its alignment."""

    type: Type
    attributes: frozenset[str] = frozenset()
    copied: int = 0
    alignment: int = 0


@dataclass(frozen=True)
class Function:
    """`exported`: other modules can call it; `discardable`: it may vanish when nothing here does.

    `writes`: it may change memory that others can see. `constants`: integers in its body,
    `callees`: functions that it names.
    """

    name: str
    result: Type
    parameters: tuple[Parameter, ...]
    result_attributes: frozenset[str]
    variadic: bool
    defined: bool
    exported: bool
    discardable: bool
    never_returns: bool
    writes: bool
    constants: tuple[int, ...] = ()
    callees: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variable:
    """A global variable of `bytes` bytes (0: size not known here)."""

    name: str
    bytes: int
    defined: bool
    exported: bool
    constant: bool
    thread_local: bool


@dataclass(frozen=True)
class Interface:
    """Everything that a caller of the module has to know."""

    triple: str
    functions: tuple[Function, ...]
    variables: tuple[Variable, ...]
    strings: tuple[bytes, ...]

    def reachable_constants(self, function: Function) -> tuple[int, ...]:
        """Constants of a function and of the local functions that it calls, its own first."""
        by_name = {f.name: f for f in self.functions if f.defined}
        seen, waiting = {function.name}, [function]
        found: dict[int, None] = {}
        while waiting:
            current = waiting.pop(0)
            found.update(dict.fromkeys(current.constants))
            new = [by_name[n] for n in current.callees if n in by_name and n not in seen]
            local = [f for f in new if not f.exported]
            seen.update(f.name for f in local)
            waiting += local
        return tuple(found)
