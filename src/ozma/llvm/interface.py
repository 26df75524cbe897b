"""What a module offers and needs, as plain data: functions with their types, variables, constants."""

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

    `writes`: it may change memory that others can see. `constants`: integers in its body.
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
