"""Operands of x86-64 in AT&T and Intel syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ozma.lift.reading.effects import Const, Expr, Op, Reg, Symbol, Unsupported
from ozma.lift.reading.lines import fits
from ozma.lift.x86.registers import REGISTERS


@dataclass(frozen=True, slots=True)
class Register:
    whole: str
    type: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Immediate:
    value: int
    symbol: str = ""
    relocation: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """segment:symbol@relocation+displacement(base,index,scale); `width` in bits if Intel says."""

    base: Register | None = None
    index: Register | None = None
    scale: int = 1
    displacement: int = 0
    symbol: str = ""
    relocation: str = ""
    segment: str = ""
    width: int = 0


Operand = Register | Immediate | Memory

_ATT_MEMORY = re.compile(r"(?:%(?P<seg>[fgsdec]s):)?(?P<disp>[^()]*)(?:\((?P<inner>[^()]*)\))?$")
_TERM = re.compile(
    r"\s*([+-]?)\s*(\"(?:[^\"\\]|\\.)*\"|[A-Za-z_.$][\w.$]*|0[xX][0-9a-fA-F]+|\d+)(?:@(\w+))?"
)
_INTEL_WIDTHS = {
    "byte": 8, "word": 16, "dword": 32, "qword": 64, "xmmword": 128, "oword": 128, "tbyte": 80,
}  # fmt: skip
_INTEL_SIZE = re.compile(r"(?i)\s*(byte|word|dword|qword|xmmword|oword|tbyte)\s+ptr\s+")


def parse_att(text: str) -> Operand:
    """One AT&T operand (an indirect jump's `*` taken off). Unsupported says what is wrong."""
    text = text.strip()
    if text.startswith("%") and ":" not in text:
        return _register(text[1:])
    if text.startswith("$"):
        value, symbol, relocation = _sum(text[1:])
        return Immediate(value, symbol, relocation)
    match = _ATT_MEMORY.match(text)
    if not text or not match:
        raise Unsupported(f"operand '{text}' is not understood")
    value, symbol, relocation = _sum(match["disp"])
    base, index, scale = _inner(match["inner"])
    return Memory(base, index, scale, value, symbol, relocation, match["seg"] or "")


def _inner(text: str | None) -> tuple[Register | None, Register | None, int]:
    parts = [part.strip() for part in (text or "").split(",")]
    base = _register(parts[0].lstrip("%")) if parts[0] else None
    index = _register(parts[1].lstrip("%")) if len(parts) > 1 and parts[1] else None
    scale = int(parts[2]) if len(parts) > 2 and parts[2] else 1
    return base, index, scale


def _register(name: str) -> Register:
    name = name.lower()
    if name in ("rip", "eip"):
        return Register("rip", "i64")
    if name not in REGISTERS:
        raise Unsupported(f"register '{name}' is not supported")
    return Register(*REGISTERS[name])


def _sum(text: str) -> tuple[int, str, str]:
    """A sum of numbers and at most one symbol: (number, symbol, relocation)."""
    text, position, value, symbol, relocation = text.strip(), 0, 0, "", ""
    while position < len(text):
        match = _TERM.match(text, position)
        if not match:
            raise Unsupported(f"'{text}' is not a sum of numbers and one symbol")
        sign, word, suffix = match.groups()
        if word[0].isdigit():
            value += -int(word, 0) if sign == "-" else int(word, 0)
        elif symbol or sign == "-":
            raise Unsupported(f"'{text}' is a difference of symbols")
        else:
            symbol, relocation = word.strip('"'), suffix or ""
        position = match.end()
    if not fits(value):
        raise Unsupported(f"'{text}' does not fit 64 bits")
    return value, symbol, relocation


def parse_intel(text: str) -> Operand:
    """One operand of Intel syntax, as clang and gcc print it."""
    text = text.strip()
    width = 0
    if match := _INTEL_SIZE.match(text):
        width, text = _INTEL_WIDTHS[match[1].lower()], text[match.end() :].strip()
    lower = text.lower()
    if lower in REGISTERS:
        return _register(lower)
    if lower.startswith("offset "):
        value, symbol, relocation = _sum(text[7:])
        return Immediate(value, symbol, relocation)
    if "[" not in text and not width and ":" not in text:
        value, symbol, relocation = _sum(text)
        if symbol:  # in either syntax, what is there: its address has an `offset`, or a `$`
            return Memory(None, None, 1, value, symbol, relocation)
        return Immediate(value)
    return _intel_memory(text, width)


_SEGMENT = re.compile(r"(?i)([fgsdec]s):")


def _intel_memory(text: str, width: int) -> Memory:
    segment = ""
    if match := _SEGMENT.match(text):
        segment, text = match[1].lower(), text[match.end() :]
    outer, _, inner = text.partition("[")
    if not outer and not inner.strip("] "):
        raise Unsupported("an address without a number, a symbol or a register")
    registers: list[tuple[Register, int]] = []
    rest = [outer]
    for sign, term in re.findall(r"([+-]?)\s*([^+\-\[\]]+)", inner):
        pieces = [piece.strip() for piece in term.split("*")]
        names = [piece for piece in pieces if piece.lower() in REGISTERS or piece.lower() == "rip"]
        if names:
            scale = next((int(piece) for piece in pieces if piece.isdigit()), 1)
            registers.append((_register(names[0]), scale))
        else:
            rest.append(f"{sign or '+'}{term.strip()}")
    value, symbol, relocation = _sum("".join(rest))
    base, index, scale = _roles(registers, len(registers) == 1 and "*" in inner)
    return Memory(base, index, scale, value, symbol, relocation, segment, width)


def _roles(
    registers: list[tuple[Register, int]], scaled: bool
) -> tuple[Register | None, Register | None, int]:
    if len(registers) > 2:
        raise Unsupported("more than two registers in an address")
    if scaled:
        return None, *registers[0]
    bases = [entry for entry in registers if entry[1] == 1]
    base = bases[0] if bases else None
    others = [entry for entry in registers if entry is not base]
    return (base[0] if base else None), *(others[0] if others else (None, 1))


_THREAD_MODELS = {"TPOFF": "localexec", "GOTTPOFF": "initialexec", "DTPOFF": "localdynamic"}
THREAD_POINTER = Op("llvm.thread.pointer", "i64", ())


def address(memory: Memory) -> Expr:
    """The address as an i64 expression: base and displacement first, then the scaled index."""
    if any(part and part.type != "i64" for part in (memory.base, memory.index)):
        raise Unsupported("an address of 32 bits")
    total = _constant_part(memory)
    if memory.base and memory.base.whole != "rip":
        base = Reg(memory.base.whole, "i64")
        total = base if _is_zero(total) else Op("add", "i64", (base, total))
    if memory.index:
        total = _plus(total, _scaled(memory.index, memory.scale))
    if memory.segment == "fs":
        return THREAD_POINTER if _is_zero(total) else Op("add", "i64", (THREAD_POINTER, total))
    if memory.segment:
        raise Unsupported(f"segment register {memory.segment}")
    return total


def _constant_part(memory: Memory) -> Expr:
    if not memory.symbol:
        return Const(memory.displacement, "i64")
    if memory.relocation == "TLSLD":  # __tls_get_addr gives it back; @DTPOFF is added to it
        return THREAD_POINTER
    return symbol(memory.symbol, memory.displacement, memory.relocation)


def symbol(name: str, addend: int, relocation: str) -> Symbol:
    """A symbol as the relocation in its operand says; "gotslot" is its entry in the GOT."""
    relocation = relocation.upper()  # gcc writes @tpoff
    if relocation == "TLSGD":  # the argument of __tls_get_addr; its result stands for it
        return Symbol(name, addend, "tls")
    if relocation in _THREAD_MODELS:
        return Symbol(name, addend, "tpoff", _THREAD_MODELS[relocation])
    if relocation in ("", "PLT"):
        return Symbol(name, addend, "plt" if relocation else "")
    if relocation in ("GOTPCREL", "GOTPCREL_NORELAX"):
        return Symbol(name, addend, "gotslot")
    raise Unsupported(f"relocation @{relocation}")


def _scaled(index: Register, scale: int) -> Expr:
    register = Reg(index.whole, "i64")
    shift = scale.bit_length() - 1
    return Op("shl", "i64", (register, Const(shift, "i64"))) if shift else register


def _plus(left: Expr, right: Expr) -> Expr:
    return right if _is_zero(left) else Op("add", "i64", (left, right))


def _is_zero(value: Expr) -> bool:
    return isinstance(value, Const) and value.value == 0
