"""What one machine instruction does, in words that no architecture owns.

An architecture's table maps an instruction to a list of effects over expressions. Control flow,
SSA, flags, the frame, types, calls and printing read nothing else. Types are LLVM's own words:
"i8", "i64", "float", "<4 x i32>". A register is named by its whole ("rax" for %al, "x0" for w0,
"xmm1", "v1"); what part of it is meant says the type, and `offset` where it does not start at
bit 0 (%ah: 8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Const:
    """A number of an integer type, or the bits of a floating or vector one (0: all zero)."""

    value: int
    type: str


@dataclass(frozen=True, slots=True)
class Reg:
    """The part of a register that holds a `type`, as it was before the instruction."""

    name: str
    type: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Temp:
    """What an earlier `Let` of the same instruction named."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """Address of a symbol or local label, an i64. `relocation` says how the code reaches it:

    "" (direct: the symbol cannot be replaced by another library's), "plt" (a call that may),
    "got" (the address was loaded from the global offset table: the *load* is part of this
    expression, so that `movq x@GOTPCREL(%rip), %rax` sets rax to Symbol("x", "got")),
    "tls" (of a thread-local variable, whichever model; the model's name is in `model`).
    """

    name: str
    addend: int = 0
    relocation: str = ""
    model: str = ""


SPARE = "consumed"


@dataclass(frozen=True, slots=True)
class Load:
    """Memory at `address` (an i64 expression). `atomic`: an LLVM ordering such as "acquire", or
    SPARE for what goes if nobody reads it.
    `align` in bytes; 0: as the type's size."""

    address: Expr
    type: str
    atomic: str = ""
    align: int = 0


@dataclass(frozen=True, slots=True)
class Op:
    """An LLVM instruction: "add", "lshr", "zext", "sitofp", "icmp slt", "fcmp ogt", "select",
    "extractelement", "insertelement", "shufflevector" (the mask is a tuple of ints in `extra`),
    "freeze"; or a call of an intrinsic by name ("llvm.ctpop", "llvm.fshl", "llvm.x86.sse2.psrl.w":
    overload suffixes are added by the printer from the types); or "atomicrmw add seq_cst",
    "cmpxchg seq_cst" (gives {T, i1}) with the address first.
    """

    opcode: str
    type: str
    operands: tuple[Expr, ...]
    extra: object = None


@dataclass(frozen=True, slots=True)
class Condition:
    """An i1 from the flags as they are: "eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle",
    "sgt", "sge", "neg", "pos", "ovf", "novf", "uno" (parity), "ord".

    They mean what they say after `SetFlags("sub", a, b)`; after others see `SetFlags`.
    """

    code: str


Expr = Const | Reg | Temp | Symbol | Load | Op | Condition


@dataclass(frozen=True, slots=True)
class SetReg:
    """Writes `value` to a register's part at bit `offset`. The bits above become zero, or stay if
    `keeps`; those below stay."""

    name: str
    value: Expr
    type: str
    keeps: bool = False
    offset: int = 0
    implicit: bool = False
    """Not named in the text (rdx of a division): never taken for an argument or a result."""


@dataclass(frozen=True, slots=True)
class Let:
    """Names a value for the rest of this instruction; evaluated here, once."""

    name: str
    value: Expr
    type: str


@dataclass(frozen=True, slots=True)
class Store:
    address: Expr
    value: Expr
    type: str
    atomic: str = ""
    align: int = 0


@dataclass(frozen=True, slots=True)
class SetFlags:
    """What the next conditions read.

    "sub": a - b (a compare). "add": a + b, where "ult" asks for the carry (x86). "adds": a + b,
    where "uge" asks for the carry (AArch64). "logic": a is the result; no carry, no overflow.
    "inc", "dec": a is the result; the carry is that of the flags before. "shift": a is the result;
    nothing but "eq", "ne", "neg", "pos" is known. "carry": a is an i1 that "ult" asks for; nothing
    else is known (bt). "ucomis": x86's compare of floats. "fcmp": AArch64's. "umul", "smul":
    "ovf" (and "ult") ask whether a * b overflows. "none": nothing is known.
    """

    kind: str
    a: Expr | None = None
    b: Expr | None = None
    type: str = "i32"


@dataclass(frozen=True, slots=True)
class SelectFlags:
    """If `condition` holds on the flags so far then flags are set as `then` says, else exactly
    the codes in `holds` hold (AArch64's ccmp)."""

    condition: Condition
    then: SetFlags
    holds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Branch:
    """To the label if the i1 holds, else on."""

    condition: Expr
    target: str


@dataclass(frozen=True, slots=True)
class Jump:
    """To a local label, or, if no such label is in the function, a tail call of the symbol."""

    target: str
    relocation: str = ""


@dataclass(frozen=True, slots=True)
class IndirectJump:
    """A jump table's or a tail call's."""

    address: Expr


Copies = tuple[tuple[str, int], ...]
"""Structs that a call takes by value from the stack pointer up: the name of a register with the
struct's address, and bytes."""


def on_stack(size: int) -> int:
    """Bytes of the stack that an argument of this size takes."""
    return -(-size // 8) * 8


def room_of(copies: Copies) -> int:
    """Bytes of the stack that they take."""
    return sum(on_stack(size) for _, size in copies)


@dataclass(frozen=True, slots=True)
class Call:
    """`target` is a Symbol or an address. Arguments and result are inferred later. `unwind`: label
    of the landing pad; `throws`: may an exception leave it? `pushed`: bytes of arguments on the
    stack that unwinding takes off. `keeps`: registers that this callee does not change, although
    the convention lets it."""

    target: Expr
    unwind: str = ""
    throws: bool = True
    pushed: int = 0
    keeps: frozenset[str] = frozenset()
    copies: Copies = ()


@dataclass(frozen=True, slots=True)
class Return:
    pass


@dataclass(frozen=True, slots=True)
class Do:
    """An `Op` for its effect only: "fence seq_cst", an intrinsic such as "llvm.trap",
    "llvm.prefetch", "llvm.memset" or "unreachable" (which ends the block)."""

    op: Op


@dataclass(frozen=True, slots=True)
class Repeat:
    """A string instruction: `body`, and `count` down by one, until that is 0 or `goes_on` does not
    hold; nothing where it is 0 to begin with. Flow makes a loop of it (flow/repeats.py).

    `whole` does the same at once where all bytes of the register `alike` are equal, or where the
    places that the two registers `apart` point to, of `count` times `size` bytes, do not overlap.
    """

    count: Reg
    body: tuple[Effect, ...]
    goes_on: Condition | None = None
    whole: tuple[Effect, ...] = ()
    alike: Reg | None = None
    apart: tuple[Reg, Reg] | None = None
    size: int = 1


Effect = (
    SetReg
    | Let
    | Store
    | SetFlags
    | SelectFlags
    | Branch
    | Jump
    | IndirectJump
    | Call
    | Return
    | Do
    | Repeat
)


class Unsupported(Exception):
    """An instruction, operand or directive that cannot be lifted: the text says why."""


_VECTOR = re.compile(r"<(\d+) x (\w+)>")
_FLOATS = {
    "half": 16,
    "bfloat": 16,
    "float": 32,
    "double": 64,
    "fp128": 128,
    "ptr": 64,
    "x86_fp80": 80,
}


@lru_cache(maxsize=None)
def bits(type_: str) -> int:
    """Width of a first-class type."""
    if type_ in _FLOATS:
        return _FLOATS[type_]
    if match := _VECTOR.fullmatch(type_):
        return int(match[1]) * bits(match[2])
    return int(type_[1:])


@lru_cache(maxsize=None)
def lanes(type_: str) -> tuple[int, str]:
    """(number, element type) of a vector; (1, itself) of a scalar."""
    match = _VECTOR.fullmatch(type_)
    return (int(match[1]), match[2]) if match else (1, type_)


def is_float(type_: str) -> bool:
    return lanes(type_)[1] in ("half", "bfloat", "float", "double", "fp128")


def is_integer(type_: str) -> bool:
    return type_[0] == "i"


def is_vector(type_: str) -> bool:
    return type_[0] == "<"
