"""A line of x86-64 -> stem, width and operands in AT&T order (source first)."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass

from ozma.lift.reading.architecture import Instruction
from ozma.lift.reading.effects import (
    Const, Effect, Expr, Let, Load, Op, Reg, SetReg, Store, Symbol, Temp, Unsupported, bits,
)  # fmt: skip
from ozma.lift.x86.operands import (
    Immediate, Memory, Operand, Register, address, parse_att, parse_intel, symbol,
)  # fmt: skip

_SUFFIXES = {"b": 8, "w": 16, "l": 32, "q": 64}
_PLACE = re.compile(r"(\"[^\"]+\"|[A-Za-z_.$][\w.$]*)(?:@(\w+))?")
_INTEL = re.compile(r"(?i)\[|\bptr\b|^\s*-?(0x[0-9a-f]+|\d+)\s*$|\boffset\b")


@dataclass(frozen=True)
class Decoded:
    """`width` in bits of the integer operation, 0 where the stem alone says it."""

    stem: str
    width: int
    operands: tuple[Operand, ...]
    prefixes: tuple[str, ...] = ()
    indirect: bool = False

    @property
    def type(self) -> str:
        return f"i{self.width}"


Rule = Callable[[Decoded], list[Effect]]
"""What a stem means, given its operands."""


def decode(instruction: Instruction, stems: Container[str], jumps: Container[str]) -> Decoded:
    """`stems` are the mnemonics of the table without width suffix; Unsupported if it is none."""
    *prefixes, mnemonic = instruction.mnemonic.split()
    if mnemonic in jumps:
        return _jump(mnemonic, instruction.operands, tuple(prefixes))
    intel = _is_intel(instruction)
    parse = parse_intel if intel else parse_att
    operands = tuple(parse(text) for text in instruction.operands)
    if intel:
        operands = operands[::-1]
    stem, width = _stem(mnemonic, stems, operands)
    return Decoded(stem, width or _operand_width(operands), operands, tuple(prefixes))


def _is_intel(instruction: Instruction) -> bool:
    texts = instruction.operands
    return bool(texts) and not any("%" in text or "$" in text for text in texts)


def _stem(mnemonic: str, stems: Container[str], operands: tuple[Operand, ...]) -> tuple[str, int]:
    if mnemonic in stems:
        return mnemonic, 0
    if mnemonic[:-1] in stems and mnemonic[-1] in _SUFFIXES:
        return mnemonic[:-1], _SUFFIXES[mnemonic[-1]]
    raise Unsupported(f"instruction '{mnemonic}' is not supported")


def _operand_width(operands: tuple[Operand, ...]) -> int:
    """Of the last register operand, else of what Intel's `ptr` says."""
    for operand in reversed(operands):
        if isinstance(operand, Register) and operand.type != "i128":
            return bits(operand.type)
    return next((entry.width for entry in operands if isinstance(entry, Memory) and entry.width), 0)


def _jump(mnemonic: str, operands: tuple[str, ...], prefixes: tuple[str, ...]) -> Decoded:
    text = operands[0].strip() if len(operands) == 1 else ""
    if text.startswith("*"):
        return Decoded(mnemonic, 64, (parse_att(text[1:]),), prefixes, indirect=True)
    if text.lower().removeprefix("%") in _GENERAL or "[" in text:
        return Decoded(mnemonic, 64, (parse_intel(text),), prefixes, indirect=True)
    if not (place := _PLACE.fullmatch(text)):
        raise Unsupported(f"'{mnemonic}' without a label or a symbol to go to")
    target = Memory(symbol=place[1].strip('"'), relocation=place[2] or "")
    return Decoded(mnemonic, 64, (target,), prefixes)


_GENERAL = frozenset(
    [f"r{x}" for x in ("ax", "bx", "cx", "dx", "si", "di", "bp", *map(str, range(8, 16)))]
)


def read(operand: Operand, type_: str) -> Expr:
    """The operand's value as `type_`; vector and float types read the low part of an xmm."""
    if isinstance(operand, Immediate):
        return immediate(operand, type_)
    if isinstance(operand, Register):
        return Reg(operand.whole, type_, operand.offset)
    where = address(operand)
    if isinstance(where, Symbol) and where.relocation == "gotslot":
        return Symbol(where.name, 0, "got")
    if isinstance(where, Symbol) and where.relocation == "tpoff" and where.model == "initialexec":
        return where
    if operand.segment and type_ == "i64" and where == address(Memory(segment="fs")):
        return where  # %fs:0 holds its own address
    return Load(where, type_)


def immediate(operand: Immediate, type_: str) -> Expr:
    """A number cut to the type's width, or a symbol's address."""
    if operand.symbol:
        address_ = symbol(operand.symbol, operand.value, operand.relocation)
        return address_ if type_ == "i64" else Op("trunc", type_, (address_,))
    return Const(operand.value & ((1 << bits(type_)) - 1), type_)


def write(operand: Operand, value: Expr, type_: str, implicit: bool = False) -> SetReg | Store:
    """Sets an operand as x86 does: 32 bits clear the upper half, 8 and 16 keep what is above."""
    if isinstance(operand, Register):
        return SetReg(operand.whole, value, type_, bits(type_) < 32, operand.offset, implicit)
    if isinstance(operand, Memory):
        return Store(address(operand), value, type_)
    raise Unsupported("an immediate cannot be written")


def named(name: str, value: Expr, type_: str) -> tuple[Let, Temp]:
    return Let(name, value, type_), Temp(name)
