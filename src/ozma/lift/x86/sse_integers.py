"""SSE2 on packed integers: mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.reading.effects import Const, Effect, Op, bits, lanes
from ozma.lift.x86.decode import Decoded, Rule, read
from ozma.lift.x86.operands import Immediate
from ozma.lift.x86.sse_lanes import BITWISE, INTEGERS, bitwise, both, put, vector

_TARGET = {  # stem -> (intrinsic, type of the operands, type of the result)
    "pmaddwd": ("llvm.x86.sse2.pmadd.wd", "<8 x i16>", "<4 x i32>"),
    "packsswb": ("llvm.x86.sse2.packsswb.128", "<8 x i16>", "<16 x i8>"),
    "packssdw": ("llvm.x86.sse2.packssdw.128", "<4 x i32>", "<8 x i16>"),
    "packuswb": ("llvm.x86.sse2.packuswb.128", "<8 x i16>", "<16 x i8>"),
    "pmulhw": ("llvm.x86.sse2.pmulh.w", "<8 x i16>", "<8 x i16>"),
    "pmulhuw": ("llvm.x86.sse2.pmulhu.w", "<8 x i16>", "<8 x i16>"),
    "pavgb": ("llvm.x86.sse2.pavg.b", "<16 x i8>", "<16 x i8>"),
    "pavgw": ("llvm.x86.sse2.pavg.w", "<8 x i16>", "<8 x i16>"),
    "psadbw": ("llvm.x86.sse2.psad.bw", "<16 x i8>", "<2 x i64>"),
}  # fmt: skip
_PACKED = {  # stem -> (opcode, type)
    **{f"padd{k}": ("add", t) for k, t in INTEGERS.items()},
    **{f"psub{k}": ("sub", t) for k, t in INTEGERS.items()},
    "pmullw": ("mul", "<8 x i16>"), "pminub": ("llvm.umin", "<16 x i8>"),
    "pmaxub": ("llvm.umax", "<16 x i8>"), "pminsw": ("llvm.smin", "<8 x i16>"),
    "pmaxsw": ("llvm.smax", "<8 x i16>"), "paddsb": ("llvm.sadd.sat", "<16 x i8>"),
    "paddsw": ("llvm.sadd.sat", "<8 x i16>"), "paddusb": ("llvm.uadd.sat", "<16 x i8>"),
    "paddusw": ("llvm.uadd.sat", "<8 x i16>"), "psubsb": ("llvm.ssub.sat", "<16 x i8>"),
    "psubsw": ("llvm.ssub.sat", "<8 x i16>"), "psubusb": ("llvm.usub.sat", "<16 x i8>"),
    "psubusw": ("llvm.usub.sat", "<8 x i16>"),
    **{f"pcmpeq{k}": ("icmp eq", INTEGERS[k]) for k in "bwd"},
    **{f"pcmpgt{k}": ("icmp sgt", INTEGERS[k]) for k in "bwd"},
}  # fmt: skip


def _intrinsic(name: str, source: str, result: str) -> Rule:
    return lambda d: [put(d.operands[1], Op(name, result, both(d, source)), result)]


def _packed_shift(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        count, element = lanes(type_)
        value = read(d.operands[1], type_)
        if not isinstance(d.operands[0], Immediate):
            kind = {"shl": "psll", "lshr": "psrl", "ashr": "psra"}[opcode]
            letter = {16: "w", 32: "d", 64: "q"}[bits(element)]
            amount = read(d.operands[0], type_)
            shifted = Op(f"llvm.x86.sse2.{kind}.{letter}", type_, (value, amount))
            return [put(d.operands[1], shifted, type_)]
        amount = d.operands[0].value
        if amount >= bits(element):
            if opcode != "ashr":
                return [put(d.operands[1], Const(0, type_), type_)]
            amount = bits(element) - 1
        splat = Const(sum(amount << (lane * bits(element)) for lane in range(count)), type_)
        return [put(d.operands[1], Op(opcode, type_, (value, splat)), type_)]

    return rule


def _multiply_even(d: Decoded) -> list[Effect]:
    """pmuludq: products of lanes 0 and 2 as 64 bits."""
    type_ = "<2 x i64>"
    low = Const(sum(0xFFFFFFFF << shift for shift in (0, 64)), type_)
    factors = tuple(Op("and", type_, (value, low)) for value in both(d, type_))
    return [put(d.operands[1], Op("mul", type_, factors), type_)]


def _shift_rules() -> dict[str, Rule]:
    table = {
        stem + letter: _packed_shift(opcode, INTEGERS[letter])
        for stem, opcode in (("psll", "shl"), ("psrl", "lshr"), ("psra", "ashr"))
        for letter in "wdq"
    }
    del table["psraq"]
    return table


RULES: dict[str, Rule] = {
    **{stem: vector(opcode, type_) for stem, (opcode, type_) in _PACKED.items()},
    **{stem: _intrinsic(*how) for stem, how in _TARGET.items()},
    **{f"p{stem}": bitwise(opcode, "<2 x i64>") for stem, opcode in BITWISE.items()},
    **_shift_rules(), "pmuludq": _multiply_even,
}  # fmt: skip
