"""Operands as LLVM's text: names of values, constants, symbols, allocas, and casts between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ozma.lift.decisions import Chooser
from ozma.lift.reading.effects import is_integer
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, const_text, resolve
from ozma.lift.stack.objects import GIVEN, Region

UNKNOWN = "undef"
"""What was never set. Not "poison": that would spread from bits that nobody reads to those beside
them that were set, which in a register or a slot are one value."""
_NAME = re.compile(r"[-a-zA-Z$._][-a-zA-Z$._0-9]*$")


class Unprintable(Exception):
    """A value that has no text: the function is refused."""


def quoted(name: str) -> str:
    """A symbol as IR writes it."""
    if _NAME.match(name):
        return "@" + name
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\{ord(c):02X}" for c in name)
    return f'@"{escaped}"'


def global_name(symbol: str) -> str:
    """Assembly's name of a symbol as the module's: `.L` is what private globals get."""
    return symbol.removeprefix(".L") if symbol.startswith(".L") else symbol


@dataclass
class Used:
    """What the function's text refers to: callee -> (result, arguments, variadic); symbols."""

    callees: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    symbols: dict[str, str] = field(default_factory=dict)
    intrinsics: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


class Operands:
    """`lines`: (text, line of assembly or 0) of the function so far; `used`: what it refers to."""

    def __init__(self, builder: Builder, regions: list[Region], chooser: Chooser) -> None:
        self.builder, self.regions, self.chooser = builder, regions, chooser
        self.lines: list[tuple[str, int]] = []
        self.used = Used()
        self.numbers = 0
        self.line = 0
        self.alloca_names = {
            r.offset: GIVEN if r.given else f"%s{position}" for position, r in enumerate(regions)
        }

    def fresh(self) -> str:
        self.numbers += 1
        return f"%t{self.numbers}"

    def out(self, text: str) -> None:
        self.lines.append((text, self.line))

    def type_of(self, value: Value) -> str:
        return "ptr" if value.pointer else value.type

    def text(self, value: Value, type_: str) -> str:
        """The value as an operand of that type; casts are printed first where needed."""
        value = resolve(value)
        if value.op == "const":
            return const_text(value.extra, type_)
        if value.op == "poison":
            return UNKNOWN
        own = self.type_of(value)
        name = self._leaf(value) if value.op in ("symbol", "frame") else value.name
        if not name:
            raise AssertionError(f"{value} was not printed before its use")
        return name if own == type_ else self.cast(name, own, type_)

    def cast(self, name: str, own: str, type_: str) -> str:
        opcode = "ptrtoint" if own == "ptr" else "inttoptr" if type_ == "ptr" else "bitcast"
        if own == "ptr" and type_ != "i64" and is_integer(type_):
            opcode = "ptrtoint"
        if opcode == "ptrtoint" and name.startswith(("@", "getelementptr")):
            return f"ptrtoint (ptr {name} to {type_})"
        result = self.fresh()
        self.out(f"{result} = {opcode} {own} {name} to {type_}")
        return result

    def _leaf(self, value: Value) -> str:
        if value.op == "frame":
            return self._frame(value.extra)
        name, addend, relocation = value.extra
        if relocation == "tls":
            return self._thread_local(name, addend)
        self.refer(name, relocation)
        text = quoted(global_name(name))
        return f"getelementptr (i8, ptr {text}, i64 {addend})" if addend else text

    def _thread_local(self, name: str, addend: int) -> str:
        self.refer(name, "tls")
        address = self.fresh()
        self.used.intrinsics["llvm.threadlocal.address.p0"] = "ptr (ptr)"
        self.out(f"{address} = call ptr @llvm.threadlocal.address.p0(ptr "
        f"{quoted(global_name(name))})")
        if not addend:
            return address
        moved = self.fresh()
        self.out(f"{moved} = getelementptr i8, ptr {address}, i64 {addend}")
        return moved

    def refer(self, name: str, relocation: str) -> None:
        if name not in self.used.symbols:
            self.used.symbols[name] = relocation
            self.used.order.append(name)

    def _frame(self, offset: int) -> str:
        region = self._region(offset)
        if region is None:
            where = "arguments on the stack" if offset >= 0 else "no object in the frame"
            raise Unprintable(f"the address of {where}")
        name = self.alloca_names[region.offset]
        if offset == region.offset:
            return name
        moved, kind = self.fresh(), "inbounds " if offset <= region.end else ""
        self.out(f"{moved} = getelementptr {kind}i8, ptr {name}, i64 {offset - region.offset}")
        return moved

    def _region(self, offset: int) -> Region | None:
        """Where an object ends is an address in it, too; nobody sees where those end that were
        given."""
        found = [r for r in self.regions if r.offset <= offset < r.end]
        found += [r for r in self.regions if r.end == offset or r.given and offset >= r.offset]
        return found[0] if found else None
