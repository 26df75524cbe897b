"""Operands of AArch64 assembly text, as clang and gcc print them and llvm-objdump does.

Parsed once per operand text; what an operand means is said by the instruction tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ozma.lift.aarch64.registers import Register, register_named
from ozma.lift.reading.effects import Unsupported
from ozma.lift.reading.lines import fits, split_operands

CONDITIONS = (
    "eq",
    "ne",
    "hs",
    "lo",
    "mi",
    "pl",
    "vs",
    "vc",
    "hi",
    "ls",
    "ge",
    "lt",
    "gt",
    "le",
    "al",
    "nv",
)
"""In the order of their encodings: the opposite of a condition differs in the last bit."""
_ALIASES = {"cs": "hs", "cc": "lo"}
_EXTENDS = ("uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx")
SHIFTS = ("lsl", "lsr", "asr", "ror", "msl")
_TAKE_LABELS = {"b", "bl", "cbz", "cbnz", "tbz", "tbnz", "adr", "adrp", "tlsdesccall"}
_WORDS = {"tpidr_el0", "fpcr", "fpsr", "nzcv", "cntvct_el0", "dczid_el0", "ctr_el0", "sy", "ish",
          "ishld", "ishst", "pldl1keep", "pldl1strm", "pstl1keep", "pstl1strm"}  # fmt: skip
_SYMBOL = re.compile(r"(?::(\w+):)?([A-Za-z_.$][\w.$@]*|\"[^\"]+\")\s*(?:([+-])\s*(\w+))?$")
_SHIFT = re.compile(rf"({'|'.join((*SHIFTS, *_EXTENDS))})(?:\s*#?(\w+))?$")


@dataclass(frozen=True)
class Immediate:
    """`#12` or `#1.5`; a shifted one (`#1, lsl #12`) has its shift in the value."""

    value: int | float
    shift: int = 0


@dataclass(frozen=True)
class Label:
    """A label with what the relocation takes of its address: `part` is "" (all, or for adrp the
    page), "lo12", "got", "got_lo12", "tprel_hi12", "tlsdesc" and so on."""

    name: str
    addend: int = 0
    part: str = ""


@dataclass(frozen=True)
class Shifted:
    """A register that is shifted or extended by the instruction: `w1, lsl #2`, `w1, sxtw`."""

    register: Register
    kind: str
    amount: int = 0

    @property
    def extends(self) -> bool:
        return self.kind in _EXTENDS


@dataclass(frozen=True)
class Memory:
    """`[base, ...]`. `mode` is "offset", "pre" or "post"; the index is a register (shifted)."""

    base: Register
    offset: int | Label = 0
    index: Register | Shifted | None = None
    mode: str = "offset"


@dataclass(frozen=True)
class Condition:
    """A condition code; `cs` and `cc` are given as `hs` and `lo`."""

    code: str

    @property
    def opposite(self) -> Condition:
        return Condition(CONDITIONS[CONDITIONS.index(self.code) ^ 1])


@dataclass(frozen=True)
class RegisterList:
    """`{ v0.16b, v1.16b }`, and `{ v0.s }[1]` with its lane."""

    registers: tuple[Register, ...]
    lane: int | None = None


@dataclass(frozen=True)
class Word:
    """Any other name: a system register, a barrier's or a prefetch's kind."""

    text: str


Operand = Register | Immediate | Label | Shifted | Memory | Condition | RegisterList | Word


@lru_cache(maxsize=1 << 14)
def parse_operands(mnemonic: str, pieces: tuple[str, ...]) -> tuple[Operand, ...]:
    """The operands of one instruction, shifts joined to what they shift. Unsupported names the
    piece that is not understood.

    The last operand of what takes a label is one, even if its name is a register's.
    """
    labelled = mnemonic in _TAKE_LABELS or mnemonic.startswith("b.")
    if not labelled or not pieces:
        return _parse_pieces(pieces)
    match = _SYMBOL.match(pieces[-1])
    if match is None:
        raise _bad(pieces[-1])
    return (*_parse_pieces(pieces[:-1]), _symbol(match))


def _parse_pieces(pieces: Sequence[str]) -> tuple[Operand, ...]:
    operands: list[Operand] = []
    for piece in pieces:
        shift = _SHIFT.match(piece)
        if shift and operands:
            operands[-1] = _shifted(operands[-1], shift.group(1), shift.group(2), piece)
        else:
            operands.append(_parse(piece))
    return _joined_post_index(tuple(operands))


def _bad(piece: str) -> Unsupported:
    return Unsupported(f"operand '{piece}' is not understood")


def _parse(piece: str) -> Operand:
    lowered = piece.lower()
    if register := register_named(lowered):
        return register
    if piece.startswith("["):
        return _memory(piece)
    if piece.startswith("{"):
        return _register_list(lowered)
    if lowered in CONDITIONS or lowered in _ALIASES:
        return Condition(_ALIASES.get(lowered, lowered))
    if (
        piece.startswith("#")
        and not piece.startswith("#:")
        or piece[:1].isdigit()
        or piece[:1] == "-"
    ):
        return Immediate(_number(piece.lstrip("#")))
    if lowered in _WORDS:
        return Word(lowered)
    if match := _SYMBOL.match(piece.lstrip("#")):
        return _symbol(match)
    raise _bad(piece)


def _number(text: str) -> int | float:
    try:
        if re.fullmatch(r"[+-]?\d+", text):
            value = int(text)  # '010' is ten: the printers pad nothing, and int(, 0) refuses it
        else:
            value = int(text, 0) if "x" in text.lower() else float(text)
    except ValueError as error:
        raise _bad(text) from error
    if isinstance(value, int) and not fits(value):
        raise _bad(text)
    return value


def _symbol(match: re.Match[str]) -> Label:
    part, name, sign, addend = match.groups()
    if addend and not re.fullmatch(r"\d+|0x[0-9a-fA-F]+", addend):
        raise _bad(match.group())
    distance = int(addend, 0) if addend else 0
    return Label(name.strip('"'), -distance if sign == "-" else distance, part or "")


def _shifted(operand: Operand, kind: str, amount: str | None, piece: str) -> Operand:
    count = int(amount) if amount and amount.isdecimal() else 0 if not amount else -1
    if not 0 <= count < 64:
        raise _bad(piece)
    if isinstance(operand, Immediate) and kind == "lsl" and isinstance(operand.value, int):
        return Immediate(operand.value << count, count)
    if isinstance(operand, Immediate) and kind == "msl" and isinstance(operand.value, int):
        return Immediate((operand.value << count) | ((1 << count) - 1))
    if isinstance(operand, Label) and kind == "lsl":
        return operand  # `:tprel_hi12:v, lsl #12`: the relocation's part says it
    if isinstance(operand, Register):
        return Shifted(operand, kind, count)
    raise _bad(piece)


def _memory(piece: str) -> Memory:
    writes_back = piece.endswith("!")
    inner = piece.rstrip("!").strip()
    if not inner.endswith("]"):
        raise _bad(piece)
    parts = _parse_pieces(split_operands(inner[1:-1]))
    base = parts[0] if parts else None
    if not isinstance(base, Register) or not base.is_address or len(parts) > 2:
        raise _bad(piece)
    mode = "pre" if writes_back else "offset"
    if len(parts) == 1:
        return Memory(base, mode=mode)
    if isinstance(parts[1], Immediate) and isinstance(parts[1].value, int):
        return Memory(base, parts[1].value, mode=mode)
    if isinstance(parts[1], Label):
        return Memory(base, parts[1], mode=mode)
    if isinstance(parts[1], Register | Shifted):
        return Memory(base, 0, parts[1], mode)
    raise _bad(piece)


def _joined_post_index(operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
    """`[x0], #8` is one operand."""
    if len(operands) < 3 or not isinstance(operands[-2], Memory):
        return operands
    memory, step = operands[-2], operands[-1]
    if memory.mode != "offset" or memory.offset or memory.index:
        return operands
    if isinstance(step, Immediate) and isinstance(step.value, int):
        return (*operands[:-2], Memory(memory.base, step.value, mode="post"))
    if isinstance(step, Register):
        return (*operands[:-2], Memory(memory.base, 0, step, "post"))
    return operands


def _register_list(piece: str) -> RegisterList:
    inner, _, lane = piece[1:].partition("}")
    if " - " in inner or re.search(r"\w-\s*v", inner):
        first, last = (_register(part) for part in inner.split("-"))
        count = (last.number - first.number) % 32 + 1
        names = tuple(first.sibling((first.number + step) % 32) for step in range(count))
    else:
        names = tuple(_register(part) for part in inner.split(","))
    number = re.fullmatch(r"\[(\d+)\]", lane.strip())
    return RegisterList(names, int(number.group(1)) if number else None)


def _register(text: str) -> Register:
    register = register_named(text.strip())
    if register is None:
        raise _bad(text.strip())
    return register
