"""Values of the function being built: SSA nodes, made with a little folding."""

from __future__ import annotations

import struct

from ozma.lift.reading.effects import bits, is_float, is_integer, is_vector, lanes

PURE = frozenset(
    "add sub mul and or xor shl lshr ashr udiv sdiv urem srem zext sext trunc bitcast select "
    "fadd fsub fmul fdiv fneg fpext fptrunc sitofp uitofp fptosi fptoui extractelement "
    "insertelement shufflevector extractvalue freeze decay selector typeid".split()
)
_COMMUTES = frozenset("add mul and or xor".split())
_IMPURE = ("llvm.prefetch", "llvm.mem", "llvm.va_", "llvm.trap", "llvm.debugtrap",
           "llvm.x86.sse2.pause",
           "llvm.x86.sse2.lfence", "llvm.x86.sse.sfence", "llvm.aarch64.",
           "llvm.stack")  # fmt: skip


class Value:
    """`op`: an LLVM opcode, an intrinsic, or "const" (extra: bits), "symbol" (extra: (name,
    addend, relocation)), "frame" (extra: offset), "entry" (extra: (register, bit offset)),
    "clobber" (what a call leaves in a register), "result" (of the call args[0]; extra: register),
    "phi" (args as `Builder.blocks[block].predecessors`), "call" (extra: a CallInfo)."""

    __slots__ = ("op", "type", "args", "extra", "block", "line", "replaced", "pointer", "name",
                 "align")  # fmt: skip

    def __init__(
        self, op: str, type_: str, args: list[Value], extra: object, block: int, line: int
    ):
        self.op, self.type, self.args, self.extra = op, type_, args, extra
        self.block, self.line = block, line
        self.replaced: Value | None = None
        self.pointer = False
        self.name = ""
        self.align = 0  # of a load or store, in bytes; 0: as its type's size

    def __repr__(self) -> str:
        return f"<{self.op} {self.type} {self.extra if self.extra is not None else ''}>"

    @property
    def is_pure(self) -> bool:
        """May it be dropped when nobody uses it?"""
        if self.op in PURE or self.op.startswith(("icmp", "fcmp")):
            return True
        return self.op.startswith("llvm.") and not self.op.startswith(_IMPURE)


def resolve(value: Value) -> Value:
    """What stands for the value after replacements; paths are shortened on the way."""
    root = value
    while root.replaced is not None:
        root = root.replaced
    while value.replaced is not None:
        value.replaced, value = root, value.replaced
    return root


def mask(type_: str) -> int:
    return (1 << bits(type_)) - 1


def is_const(value: Value, number: int | None = None) -> bool:
    return value.op == "const" and (number is None or value.extra == number & mask(value.type))


def signed(number: int, width: int) -> int:
    return number - (1 << width) if number >> (width - 1) else number


def fold(op: str, type_: str, args: list[Value], extra: object) -> Value | int | None:
    """A value that stands for the operation, a number if it is constant, or None."""
    if len(args) == 2 and op in _FOLDS:
        return _fold_pair(op, type_, *args)
    if len(args) == 1:
        return _fold_cast(op, type_, args[0])
    return None


_FOLDS = {
    "add": lambda a, b, w: a + b, "sub": lambda a, b, w: a - b, "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b, "xor": lambda a, b, w: a ^ b, "mul": lambda a, b, w: a * b,
    "shl": lambda a, b, w: a << b if b < w else None,
    "lshr": lambda a, b, w: a >> b if b < w else None,
    "ashr": lambda a, b, w: signed(a, w) >> b if b < w else None,
}  # fmt: skip


def _fold_pair(op: str, type_: str, left: Value, right: Value) -> Value | int | None:
    if not is_integer(type_):
        return _fold_vector(op, type_, left, right)
    if left.op == "const" and right.op == "const":
        found = _FOLDS[op](left.extra, right.extra, bits(type_))
        return None if found is None else found & mask(type_)
    if right.op == "const":
        if right.extra == 0 and op not in ("and", "mul"):
            return left
        if right.extra == 0:
            return 0
        if right.extra == mask(type_) and op == "and":
            return left
        if right.extra == 1 and (op == "mul" or op == "and" and _is_bit(left)):
            return left
    if left.op == "const" and left.extra == 0 and op in ("add", "or", "xor"):
        return right
    return None


def _fold_vector(op: str, type_: str, left: Value, right: Value) -> Value | int | None:
    if op in ("and", "or", "xor") and left.op == "const" and right.op == "const":
        return _FOLDS[op](left.extra, right.extra, 128)
    if right.op == "const" and right.extra == 0 and op in ("or", "xor", "add", "sub"):
        return left
    return None


def _is_bit(value: Value) -> bool:
    return value.op == "zext" and value.args[0].type == "i1"


def _fold_cast(op: str, type_: str, value: Value) -> Value | int | None:
    if op in ("bitcast", "zext", "sext", "trunc") and value.type == type_:
        return value
    if value.op == "const" and is_integer(type_) and is_integer(value.type):
        if op in ("zext", "trunc", "bitcast"):
            return value.extra & mask(type_)
        if op == "sext":
            return signed(value.extra, bits(value.type)) & mask(type_)
    if op == "bitcast":
        if value.op == "const":
            return value.extra
        if value.op == "bitcast" and value.args[0].type == type_:
            return value.args[0]
    if op == "trunc" and value.op in ("zext", "sext", "trunc"):
        inner = value.args[0]
        if inner.type == type_:
            return inner
    return None


def const_text(value: int, type_: str) -> str:
    """A constant as IR writes it."""
    if is_vector(type_):
        if value == 0:
            return "zeroinitializer"
        count, element = lanes(type_)
        width = bits(element)
        parts = [(value >> (lane * width)) & ((1 << width) - 1) for lane in range(count)]
        return "<" + ", ".join(f"{element} {const_text(part, element)}" for part in parts) + ">"
    if type_ == "ptr":
        return "null" if value == 0 else f"inttoptr (i64 {signed(value, 64)} to ptr)"
    if is_float(type_):
        return _float_text(value, type_)
    if type_ == "i1":
        return "true" if value & 1 else "false"
    return str(signed(value & mask(type_), bits(type_)))


def _float_text(value: int, type_: str) -> str:
    if type_ == "double":
        return f"0x{value & mask('i64'):016X}"
    if type_ == "half":
        return f"0xH{value & 0xFFFF:04X}"
    if type_ == "fp128":
        return f"0xL{value & mask('i64'):016X}{value >> 64:016X}"
    number = value & 0xFFFFFFFF
    exponent, fraction = (number >> 23) & 255, number & 0x7FFFFF
    if exponent == 255 and fraction:  # a NaN keeps its bits
        wide = (number >> 31) << 63 | 0x7FF << 52 | fraction << 29
    else:
        as_double = struct.unpack("<f", struct.pack("<I", number))[0]
        wide = struct.unpack("<Q", struct.pack("<d", as_double))[0]
    return f"0x{wide:016X}"
