"""Values as LLVM's instructions: arithmetic, compares, addresses, memory."""

from __future__ import annotations

from collections.abc import Iterator

from ozma.lift.decisions import Chooser
from ozma.lift.printing.landing import Landing
from ozma.lift.reading.effects import SPARE, bits, is_integer
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.types import base_of
from ozma.lift.ssa.values import Value, is_const, resolve
from ozma.lift.stack.objects import Region

_SCALES = {1: "i16", 2: "i32", 3: "i64"}
_CASTS = frozenset(
    "zext sext trunc bitcast fpext fptrunc sitofp uitofp fptosi fptoui ptrtoint inttoptr".split()
)


_COMMUTATIVE = frozenset("add mul and or xor fadd fmul".split())


class Values(Landing):
    """`value` prints one; those in `consumed` are part of others."""

    def __init__(self, builder: Builder, regions: list[Region], chooser: Chooser) -> None:
        super().__init__(builder, regions, chooser)
        self.consumed = folded_products(builder)
        self.uses = count_uses(builder)

    def value(self, value: Value) -> None:
        op = value.op
        if op == "load":
            self._load(value)
        elif op == "store":
            self._store(value)
        elif op == "call":
            self._call(value)
        elif op.startswith("llvm."):
            self._intrinsic(value)
        elif op.startswith("fence"):
            self.out(op)
        elif op.startswith(("atomicrmw", "cmpxchg")):
            self._atomic(value)
        elif op.startswith(("icmp", "fcmp")):
            left, right, type_ = self._comparands(value)
            self.out(f"{value.name} = {op} {type_} {left}, {right}")
        elif op == "add" and value.pointer:
            self._pointer_sum(value)
        elif op == "landingpad":
            self._landing(value)
        elif op == "selector":
            self._selector(value)
        elif op == "typeid":
            self._type_number(value)
        elif op == "decay":
            self.out(f"{value.name} = getelementptr i8, ptr {self.text(value.args[0], 'ptr')}, "
            f"i64 0")
        else:
            self._plain(value)

    def _comparands(self, value: Value) -> tuple[str, str, str]:
        left, right = (resolve(arg) for arg in value.args)
        type_ = left.type
        if left.pointer and (right.pointer or right.op == "const"):
            type_ = "ptr"
        if right.op == "const" and type_ == "ptr" and right.extra != 0:
            type_ = "i64"
        return self.text(left, type_), self.text(right, type_), type_

    def _pointer_sum(self, value: Value) -> None:
        base = base_of(value)
        if base is None:
            self._plain(value, "i64")
            return
        pointer, index = (resolve(value.args[base]), resolve(value.args[1 - base]))
        base_text = self.text(pointer, "ptr")
        element = "i8"
        if id(index) in self.consumed or index.op == "shl":
            element, index = _scaled(index) or (element, index)
        index_text = self.text(index, "i64")
        self.out(f"{value.name} = getelementptr {element}, ptr {base_text}, i64 {index_text}")

    def _plain(self, value: Value, forced: str = "") -> None:
        op, type_ = value.op, value.type
        if op == "select":
            kind = self.type_of(value)
            test = self.text(value.args[0], resolve(value.args[0]).type)
            if self.builder.mode == "O0" and resolve(value.args[0]).type == "i1":
                # clang counts which arm is taken, and throws the number away
                self.out(f"{self.fresh()} = zext i1 {test} to i64")
            first, second = (self.text(arg, kind) for arg in value.args[1:])
            self.out(f"{value.name} = select {resolve(value.args[0]).type} {test}, {kind} "
            f"{first}, {kind} {second}")
            return
        if self._is_swapped(value):
            value.args = value.args[::-1]
        args = [self.text(arg, resolve(arg).type) for arg in value.args]
        first = resolve(value.args[0]).type
        name = self.fresh() if value.pointer else value.name
        if op in _CASTS:
            text = f"{op} {first} {args[0]} to {type_}"
        elif op in ("fneg", "freeze"):
            text = f"{op} {first} {args[0]}"
        elif op == "extractelement":
            text = f"extractelement {first} {args[0]}, i64 {args[1]}"
        elif op == "insertelement":
            element = resolve(value.args[1]).type
            text = f"insertelement {type_} {args[0]}, {element} {args[1]}, i64 {args[2]}"
        elif op == "shufflevector":
            lanes = ", ".join(f"i32 {lane}" for lane in value.extra)
            mask = f"<{len(value.extra)} x i32> <{lanes}>"
            text = f"shufflevector {first} {args[0]}, {first} {args[1]}, {mask}"
        elif op == "extractvalue":
            text = f"extractvalue {first} {args[0]}, {value.extra}"
        else:
            text = f"{op}{self._poison_flags(value)} {type_} {args[0]}, {args[1]}"
        self.out(f"{name} = {text}")
        if value.pointer:
            self.out(f"{value.name} = inttoptr i64 {name} to ptr")

    def _is_swapped(self, value: Value) -> bool:
        """Of two values, neither a constant, the machine does not say which came first."""
        if value.op not in _COMMUTATIVE or any(is_const(resolve(arg)) for arg in value.args):
            return False
        default = self.chooser.decisions.operand_order
        return self.chooser.choose("order", value.line, ("asm", "swapped"), default) == "swapped"

    def _poison_flags(self, value: Value) -> str:
        if value.op in ("add", "sub", "mul", "shl") and is_integer(value.type):
            default = self.chooser.decisions.add_flags
            options = ("none", "nsw", "nuw", "nsw nuw")
            chosen = self.chooser.choose("flags", value.line, options, default)
            return "" if chosen == "none" else f" {' '.join(reversed(chosen.split()))}"
        if value.op == "or" and is_integer(value.type):
            default = self.chooser.decisions.or_disjoint
            chosen = self.chooser.choose("disjoint", value.line, ("no", "yes"), default)
            return " disjoint" if chosen == "yes" else ""
        return ""

    def _load(self, value: Value) -> None:
        address = self.text(value.args[0], "ptr")
        type_ = self.type_of(value)
        volatile = self._volatile(not self.uses.get(id(value)), value.args[0])
        if value.extra and value.extra not in ("volatile", SPARE):
            size = bits(type_) // 8
            self.out(f"{value.name} = load atomic {type_}, ptr {address} {value.extra}, align "
            f"{size}")
            return
        self.out(f"{value.name} = load {volatile}{type_}, ptr {address}, align "
        f"{self._alignment(value, value.args[0], type_)}")

    def _volatile(self, unused: bool, address: Value) -> str:
        """A load that nobody needs would else have gone; memory of the frame is not volatile."""
        wanted = self.chooser.decisions.volatile
        everything = wanted == "all" and resolve(address).op != "frame"
        return "volatile " if everything or unused and wanted == "unused" else ""

    def _alignment(self, value: Value, address: Value, type_: str) -> int:
        """That of the access, as far as what it may reach in the frame has it."""
        aligned = value.align or bits(type_) // 8
        return aligned if aligned < 16 else min([aligned, *self._frame_alignments(address, set())])

    def _frame_alignments(self, address: Value, seen: set[int]) -> Iterator[int]:
        """To how many bytes each address in the frame, of which this one may be made, is where it
        was. An alloca keeps its own alignment only."""
        address = resolve(address)
        if id(address) in seen:
            return
        seen.add(id(address))
        if address.op == "frame":
            yield next((r.align for r in self.regions if r.offset <= address.extra < r.end), 1)
        elif address.op in ("add", "sub", "phi", "select"):
            for arg in address.args:
                yield from self._frame_alignments(arg, seen)

    def _store(self, value: Value) -> None:
        stored = resolve(value.args[0])
        type_ = self.type_of(stored) if stored.type == value.type else value.type
        text = self.text(stored, type_)
        address = self.text(value.args[1], "ptr")
        size = self._alignment(value, value.args[1], type_)
        if value.extra:
            self.out(f"store atomic {type_} {text}, ptr {address} {value.extra}, align {size}")
        else:
            volatile = self._volatile(False, value.args[1])
            self.out(f"store {volatile}{type_} {text}, ptr {address}, align {size}")

    def _atomic(self, value: Value) -> None:
        words = value.op.split()
        address = self.text(value.args[0], "ptr")
        if words[0] == "cmpxchg":
            type_ = resolve(value.args[1]).type
            old, new = (self.text(arg, type_) for arg in value.args[1:])
            self.out(
                f"{value.name} = cmpxchg ptr {address}, {type_} {old}, {type_} {new} "
                f"{words[1]} {words[-1] if len(words) > 2 else 'seq_cst'}"
            )
            return
        operand = self.text(value.args[1], value.type)
        self.out(f"{value.name} = atomicrmw {words[1]} ptr {address}, {value.type} {operand} "
        f"{words[2]}")


def folded_products(builder: Builder) -> set[int]:
    """Products that only scale an index: the address prints them as its element's size."""
    uses: dict[int, list[bool]] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for position, arg in enumerate(value.args):
                arg = resolve(arg)
                if arg.op in ("shl", "mul"):
                    uses.setdefault(id(arg), []).append(_scales(value, position))
        for value in body.end.values if body.end else ():
            uses.setdefault(id(resolve(value)), []).append(False)
    return {key for key, found in uses.items() if all(found)}


def _scales(value: Value, position: int) -> bool:
    if value.op != "add" or not value.pointer:
        return False
    base = base_of(value)
    return base not in (None, position) and _scaled(resolve(value.args[position])) is not None


def _scaled(index: Value) -> tuple[str, Value] | None:
    """(element type, unscaled index) of a product with a constant."""
    if index.op not in ("shl", "mul") or not is_const(resolve(index.args[1])):
        return None
    number = resolve(index.args[1]).extra
    if index.op == "shl" and number in _SCALES:
        return _SCALES[number], resolve(index.args[0])
    size = 1 << number if index.op == "shl" and number < 31 else number
    if index.type != "i64" or not 0 < size < 1 << 31 or index.op == "shl" and number > 30:
        return None
    return f"[{size} x i8]", resolve(index.args[0])


def count_uses(builder: Builder) -> dict[int, int]:
    """How often each value is an operand, by its id."""
    uses: dict[int, int] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for arg in value.args:
                uses[id(resolve(arg))] = uses.get(id(resolve(arg)), 0) + 1
        for value in body.end.values if body.end else ():
            uses[id(resolve(value))] = uses.get(id(resolve(value)), 0) + 1
    return uses
