"""SSE and SSE2: moves, shuffles, single lanes; mnemonic -> effects."""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.reading.effects import Const, Effect, Load, Op, Reg, SetReg, Store, bits, lanes
from ozma.lift.x86.decode import Decoded, Rule, read, write
from ozma.lift.x86.operands import Memory, Register, address
from ozma.lift.x86.sse_lanes import FLOATS, INTEGERS, both, put, string_or


def _move(type_: str) -> Rule:
    return lambda d: [put(d.operands[1], read(d.operands[0], type_), type_)]


def _move_unaligned(type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        (effect,) = _move(type_)(d)
        if isinstance(effect, Store):
            return [replace(effect, align=1)]
        if isinstance(effect.value, Load):
            return [replace(effect, value=replace(effect.value, align=1))]
        return [effect]

    return rule


def _move_scalar(type_: str) -> Rule:
    """Between registers the upper part stays, from memory it becomes zero."""

    def rule(d: Decoded) -> list[Effect]:
        both = all(isinstance(operand, Register) for operand in d.operands)
        return [put(d.operands[1], read(d.operands[0], type_), type_, both)]

    return rule


def _move_word(d: Decoded) -> list[Effect]:
    """movd, movq: the low part of a vector register to or from memory or a general register."""
    type_ = "i32" if d.stem == "movd" else "i64"
    source, target = d.operands
    general = next(
        (o for o in d.operands if isinstance(o, Register) and o.type in ("i32", "i64")), None
    )
    if general:
        type_ = general.type
    return [put(target, read(source, type_), type_)]


def _move_half(high: bool) -> Rule:
    """movlps, movhps (and pd): 64 bits of memory to or from a half."""
    offset = 64 if high else 0

    def rule(d: Decoded) -> list[Effect]:
        source, target = d.operands
        if isinstance(target, Memory):
            return [Store(address(target), Reg(source.whole, "double", offset), "double")]
        return [SetReg(target.whole, read(source, "double"), "double", True, offset)]

    return rule


def _move_across(source_offset: int, target_offset: int) -> Rule:
    """movhlps, movlhps."""

    def rule(d: Decoded) -> list[Effect]:
        source, target = d.operands
        value = Reg(source.whole, "double", source_offset)
        return [SetReg(target.whole, value, "double", True, target_offset)]

    return rule


def _byte_shift(left: bool) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        amount, zero = min(d.operands[0].value, 16), Const(0, "<16 x i8>")
        value = read(d.operands[1], "<16 x i8>")
        if left:
            pair, mask = (zero, value), tuple(range(16 - amount, 32 - amount))
        else:
            pair, mask = (value, zero), tuple(range(amount, 16 + amount))
        return [put(d.operands[1], Op("shufflevector", "<16 x i8>", pair, mask), "<16 x i8>")]

    return rule


def _shuffle_one(type_: str, lanes_of: str) -> Rule:
    """pshufd, pshuflw, pshufhw: lanes of the source by the immediate."""

    def rule(d: Decoded) -> list[Effect]:
        order, value = d.operands[0].value, read(d.operands[1], type_)
        picked = [(order >> (2 * lane)) & 3 for lane in range(4)]
        mask = {
            "all": picked, "low": [*picked, 4, 5, 6, 7],
            "high": [0, 1, 2, 3, *(4 + lane for lane in picked)],
        }[lanes_of]  # fmt: skip
        return [put(d.operands[2], Op("shufflevector", type_, (value, value), tuple(mask)), type_)]

    return rule


def _shuffle_two(type_: str) -> Rule:
    """shufps, shufpd: low lanes from the destination, high ones from the source."""

    def rule(d: Decoded) -> list[Effect]:
        order, (count, _) = d.operands[0].value, lanes(type_)
        left, right = read(d.operands[2], type_), read(d.operands[1], type_)
        step = 2 if count == 4 else 1
        picked = [(order >> (step * lane)) & (count - 1) for lane in range(count)]
        mask = tuple(p if lane < count // 2 else p + count for lane, p in enumerate(picked))
        return [put(d.operands[2], Op("shufflevector", type_, (left, right), mask), type_)]

    return rule


def _unpack(type_: str, high: bool) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        count, _ = lanes(type_)
        start = count // 2 if high else 0
        mask = tuple(x for lane in range(start, start + count // 2) for x in (lane, lane + count))
        return [put(d.operands[1], Op("shufflevector", type_, both(d, type_), mask), type_)]

    return rule


def _signs(name: str, type_: str) -> Rule:
    """movmskps and its like: the top bit of each lane as a number."""
    count, element = lanes(type_)
    integer = f"<{count} x i{bits(element)}>"

    def rule(d: Decoded) -> list[Effect]:
        negative = Op(
            "icmp slt", f"<{count} x i1>", (read(d.operands[0], integer), Const(0, integer))
        )
        mask = Op("zext", "i32", (Op("bitcast", f"i{count}", (negative,)),))
        return [write(d.operands[1], mask, "i32")]

    return rule


def _insert_word(d: Decoded) -> list[Effect]:
    value = read(d.operands[1], "i16") if isinstance(d.operands[1], Memory) else Op(
        "trunc", "i16", (read(d.operands[1], "i32"),)
    )  # fmt: skip
    return [SetReg(d.operands[2].whole, value, "i16", True, 16 * (d.operands[0].value & 7))]


def _extract_word(d: Decoded) -> list[Effect]:
    lane = Reg(d.operands[1].whole, "i16", 16 * (d.operands[0].value & 7))
    return [write(d.operands[2], Op("zext", "i32", (lane,)), "i32")]


def _float_rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for suffix, type_ in (("ss", "float"), ("sd", "double")):
        table[f"mov{suffix}"] = string_or(_move_scalar(type_), f"mov{suffix}")
    for suffix, type_ in FLOATS.items():
        table |= {f"mov{kind}{suffix}": _move(type_) for kind in ("a", "nt")}
        table[f"movu{suffix}"] = _move_unaligned(type_)
        table |= {f"movl{suffix}": _move_half(False), f"movh{suffix}": _move_half(True)}
        table[f"shuf{suffix}"] = _shuffle_two(type_)
        table |= {f"unpckl{suffix}": _unpack(type_, False), f"unpckh{suffix}": _unpack(type_, True)}
        table[f"movmsk{suffix}"] = _signs(suffix, type_)
    return table


def _unpacking_rules() -> dict[str, Rule]:
    pairs = (("bw", "b"), ("wd", "w"), ("dq", "d"), ("qdq", "q"))
    low = {f"punpckl{name}": _unpack(INTEGERS[letter], False) for name, letter in pairs}
    return low | {f"punpckh{name}": _unpack(INTEGERS[letter], True) for name, letter in pairs}


RULES: dict[str, Rule] = {
    **_float_rules(), **_unpacking_rules(),
    **dict.fromkeys(("movdqa", "movntdq"), _move("<2 x i64>")),
    "movdqu": _move_unaligned("<2 x i64>"),
    **dict.fromkeys(("movd", "movq"), _move_word),
    "movhlps": _move_across(64, 0), "movlhps": _move_across(0, 64),
    "pslldq": _byte_shift(True), "psrldq": _byte_shift(False),
    "pshufd": _shuffle_one("<4 x i32>", "all"), "pshuflw": _shuffle_one("<8 x i16>", "low"),
    "pshufhw": _shuffle_one("<8 x i16>", "high"), "pmovmskb": _signs("b", "<16 x i8>"),
    "pinsrw": _insert_word, "pextrw": _extract_word,
}  # fmt: skip
