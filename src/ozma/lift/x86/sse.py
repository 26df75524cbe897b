"""Semantics of SSE and SSE2: scalar and packed floats, packed integers, conversions."""

from __future__ import annotations

from dataclasses import replace

from ozma.lift.reading.effects import (
    Const, Effect, Expr, Load, Op, Reg, SetFlags, SetReg, Store, Unsupported, bits, lanes,
)  # fmt: skip
from ozma.lift.x86.decode import Decoded, read, write
from ozma.lift.x86.integer import Rule
from ozma.lift.x86.operands import Immediate, Memory, Operand, Register, address

_SCALARS = {"ss": "float", "sd": "double"}
_VECTORS = {"ps": "<4 x float>", "pd": "<2 x double>"}
_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_INTEGERS = {"b": "<16 x i8>", "w": "<8 x i16>", "d": "<4 x i32>", "q": "<2 x i64>"}
_BITWISE = {
    "and": "and", "or": "or", "xor": "xor", "andn": "andn",
}  # fmt: skip
# immediate of cmpss and its suffixes -> predicate on (destination, source)
_COMPARES = {
    "eq": "oeq", "lt": "olt", "le": "ole", "unord": "uno", "neq": "une", "nlt": "uge", "nle": "ugt",
    "ord": "ord",
}  # fmt: skip
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
    **{f"padd{k}": ("add", t) for k, t in _INTEGERS.items()},
    **{f"psub{k}": ("sub", t) for k, t in _INTEGERS.items()},
    "pmullw": ("mul", "<8 x i16>"), "pminub": ("llvm.umin", "<16 x i8>"),
    "pmaxub": ("llvm.umax", "<16 x i8>"), "pminsw": ("llvm.smin", "<8 x i16>"),
    "pmaxsw": ("llvm.smax", "<8 x i16>"), "paddsb": ("llvm.sadd.sat", "<16 x i8>"),
    "paddsw": ("llvm.sadd.sat", "<8 x i16>"), "paddusb": ("llvm.uadd.sat", "<16 x i8>"),
    "paddusw": ("llvm.uadd.sat", "<8 x i16>"), "psubsb": ("llvm.ssub.sat", "<16 x i8>"),
    "psubsw": ("llvm.ssub.sat", "<8 x i16>"), "psubusb": ("llvm.usub.sat", "<16 x i8>"),
    "psubusw": ("llvm.usub.sat", "<8 x i16>"),
    **{f"pcmpeq{k}": ("icmp eq", _INTEGERS[k]) for k in "bwd"},
    **{f"pcmpgt{k}": ("icmp sgt", _INTEGERS[k]) for k in "bwd"},
}  # fmt: skip


def _type_of(d: Decoded, type_: str) -> tuple[Expr, Expr]:
    return read(d.operands[-1], type_), read(d.operands[0], type_)


def _put(operand: Operand, value: Expr, type_: str, keeps: bool = False) -> SetReg | Store:
    """Writes a vector register's low part; `keeps`: what is above stays."""
    if isinstance(operand, Register):
        return SetReg(operand.whole, value, type_, keeps)
    return write(operand, value, type_)


def _scalar(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        return [_put(d.operands[1], Op(opcode, type_, _type_of(d, type_)), type_, True)]

    return rule


def _square_root(type_: str, keeps: bool) -> Rule:
    return lambda d: [
        _put(d.operands[1], Op("llvm.sqrt", type_, (read(d.operands[0], type_),)), type_, keeps)
    ]


def _extreme(predicate: str, type_: str, keeps: bool) -> Rule:
    """min: the source wherever `destination < source` does not hold (NaN, equal zeros)."""

    def rule(d: Decoded) -> list[Effect]:
        left, right = _type_of(d, type_)
        count, _ = lanes(type_)
        mask = "i1" if count == 1 else f"<{count} x i1>"
        chosen = Op("select", type_, (Op(f"fcmp {predicate}", mask, (left, right)), left, right))
        return [_put(d.operands[1], chosen, type_, keeps)]

    return rule


def _vector(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        left, right = _type_of(d, type_)
        if opcode.startswith("icmp"):
            count, _ = lanes(type_)
            value = Op("sext", type_, (Op(opcode, f"<{count} x i1>", (left, right)),))
        else:
            value = Op(opcode, type_, (left, right))
        return [_put(d.operands[1], value, type_)]

    return rule


def _intrinsic(name: str, source: str, result: str) -> Rule:
    return lambda d: [_put(d.operands[1], Op(name, result, _type_of(d, source)), result)]


def _bitwise(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        left, right = _type_of(d, type_)
        if left == right and opcode == "xor":
            return [_put(d.operands[1], Const(0, type_), type_)]
        if opcode == "andn":
            ones = Const((1 << 128) - 1, type_)
            return [_put(d.operands[1], Op("and", type_, (Op("xor", type_, (left, ones)), right)), type_)]
        return [_put(d.operands[1], Op(opcode, type_, (left, right)), type_)]

    return rule


def _move(type_: str) -> Rule:
    return lambda d: [_put(d.operands[1], read(d.operands[0], type_), type_)]


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
        return [_put(d.operands[1], read(d.operands[0], type_), type_, both)]

    return rule


def _move_word(d: Decoded) -> list[Effect]:
    """movd, movq: the low part of a vector register to or from memory or a general register."""
    type_ = "i32" if d.stem == "movd" else "i64"
    source, target = d.operands
    general = next((o for o in d.operands if isinstance(o, Register) and o.type in ("i32", "i64")), None)
    if general:
        type_ = general.type
    return [_put(target, read(source, type_), type_)]


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


def _from_integer(type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        source = d.operands[0]
        width = 64 if d.stem.endswith("q") else d.width if d.width in (32, 64) else 32
        if isinstance(source, Register):
            width = bits(source.type)
        value = Op("sitofp", type_, (read(source, f"i{width}"),))
        return [_put(d.operands[1], value, type_, True)]

    return rule


def _to_integer(type_: str, truncates: bool) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        target, value = d.operands[1], read(d.operands[0], type_)
        if truncates:
            return [write(target, Op("fptosi", target.type, (value,)), target.type)]
        name = "llvm.llrint" if target.type == "i64" else "llvm.lrint"
        return [write(target, Op(name, target.type, (value,)), target.type)]

    return rule


def _convert(opcode: str, source: str, target: str, keeps: bool) -> Rule:
    return lambda d: [_put(d.operands[1], Op(opcode, target, (read(d.operands[0], source),)), target, keeps)]


def _compare_flags(type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        left, right = _type_of(d, type_)
        return [SetFlags("ucomis", left, right, type_)]

    return rule


def _mask_compare(predicate: str, type_: str) -> Rule:
    """All ones or all zeros in each lane."""

    def rule(d: Decoded) -> list[Effect]:
        left, right = _type_of(d, type_)
        chosen = predicate
        if predicate == "?":
            chosen = list(_COMPARES.values())[d.operands[0].value & 7]
            left, right = read(d.operands[2], type_), read(d.operands[1], type_)
        count, element = lanes(type_)
        mask, integer = ("i1", f"i{bits(type_)}") if count == 1 else (
            f"<{count} x i1>", f"<{count} x i{bits(element)}>"
        )  # fmt: skip
        value = Op("sext", integer, (Op(f"fcmp {chosen}", mask, (left, right)),))
        return [_put(d.operands[-1], value, integer, count == 1)]

    return rule


def _packed_shift(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        count, element = lanes(type_)
        value = read(d.operands[1], type_)
        if not isinstance(d.operands[0], Immediate):
            kind = {"shl": "psll", "lshr": "psrl", "ashr": "psra"}[opcode]
            letter = {16: "w", 32: "d", 64: "q"}[bits(element)]
            amount = read(d.operands[0], type_)
            shifted = Op(f"llvm.x86.sse2.{kind}.{letter}", type_, (value, amount))
            return [_put(d.operands[1], shifted, type_)]
        amount = d.operands[0].value
        if amount >= bits(element):
            if opcode != "ashr":
                return [_put(d.operands[1], Const(0, type_), type_)]
            amount = bits(element) - 1
        splat = Const(sum(amount << (lane * bits(element)) for lane in range(count)), type_)
        return [_put(d.operands[1], Op(opcode, type_, (value, splat)), type_)]

    return rule


def _byte_shift(left: bool) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        amount, zero = min(d.operands[0].value, 16), Const(0, "<16 x i8>")
        value = read(d.operands[1], "<16 x i8>")
        if left:
            pair, mask = (zero, value), tuple(range(16 - amount, 32 - amount))
        else:
            pair, mask = (value, zero), tuple(range(amount, 16 + amount))
        return [_put(d.operands[1], Op("shufflevector", "<16 x i8>", pair, mask), "<16 x i8>")]

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
        return [_put(d.operands[2], Op("shufflevector", type_, (value, value), tuple(mask)), type_)]

    return rule


def _shuffle_two(type_: str) -> Rule:
    """shufps, shufpd: low lanes from the destination, high ones from the source."""

    def rule(d: Decoded) -> list[Effect]:
        order, (count, _) = d.operands[0].value, lanes(type_)
        left, right = read(d.operands[2], type_), read(d.operands[1], type_)
        step = 2 if count == 4 else 1
        picked = [(order >> (step * lane)) & (count - 1) for lane in range(count)]
        mask = tuple(p if lane < count // 2 else p + count for lane, p in enumerate(picked))
        return [_put(d.operands[2], Op("shufflevector", type_, (left, right), mask), type_)]

    return rule


def _unpack(type_: str, high: bool) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        count, _ = lanes(type_)
        start = count // 2 if high else 0
        mask = tuple(x for lane in range(start, start + count // 2) for x in (lane, lane + count))
        return [_put(d.operands[1], Op("shufflevector", type_, _type_of(d, type_), mask), type_)]

    return rule


def _multiply_even(d: Decoded) -> list[Effect]:
    """pmuludq: products of lanes 0 and 2 as 64 bits."""
    type_ = "<2 x i64>"
    low = Const(sum(0xFFFFFFFF << shift for shift in (0, 64)), type_)
    factors = tuple(Op("and", type_, (value, low)) for value in _type_of(d, type_))
    return [_put(d.operands[1], Op("mul", type_, factors), type_)]


def _signs(name: str, type_: str) -> Rule:
    """movmskps and its like: the top bit of each lane as a number."""
    count, element = lanes(type_)
    integer = f"<{count} x i{bits(element)}>"

    def rule(d: Decoded) -> list[Effect]:
        negative = Op("icmp slt", f"<{count} x i1>", (read(d.operands[0], integer), Const(0, integer)))
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


def _low_lanes(source: str, opcode: str, target: str) -> Rule:
    """Conversions of two lanes: cvtps2pd, cvtdq2pd."""
    element = lanes(source)[1]

    def rule(d: Decoded) -> list[Effect]:
        if isinstance(d.operands[0], Memory):
            value: Expr = read(d.operands[0], f"<2 x {element}>")
        else:
            whole = read(d.operands[0], source)
            value = Op("shufflevector", f"<2 x {element}>", (whole, whole), (0, 1))
        return [_put(d.operands[1], Op(opcode, target, (value,)), target)]

    return rule


def _narrow_lanes(opcode: str, source: str, target: str) -> Rule:
    """cvtpd2ps, cvttpd2dq: two lanes, zeros above."""
    element = lanes(target)[1]

    def rule(d: Decoded) -> list[Effect]:
        two = f"<2 x {element}>"
        value = Op(opcode, two, (read(d.operands[0], source),))
        wide = Op("shufflevector", target, (value, Const(0, two)), (0, 1, 2, 3))
        return [_put(d.operands[1], wide, target)]

    return rule


def _string_or(move: Rule, name: str) -> Rule:
    """movsd and cmpsd are also names of string instructions."""

    def rule(d: Decoded) -> list[Effect]:
        if not d.operands:
            raise Unsupported(f"string instruction '{name}'")
        return move(d)

    return rule


def _scalar_rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for suffix, type_ in _SCALARS.items():
        table |= {stem + suffix: _scalar(opcode, type_) for stem, opcode in _ARITHMETIC.items()}
        table |= {f"cmp{code}{suffix}": _mask_compare(p, type_) for code, p in _COMPARES.items()}
        table[f"cmp{suffix}"] = _string_or(_mask_compare("?", type_), f"cmp{suffix}")
        table[f"sqrt{suffix}"] = _square_root(type_, True)
        table[f"min{suffix}"] = _extreme("olt", type_, True)
        table[f"max{suffix}"] = _extreme("ogt", type_, True)
        table[f"ucomi{suffix}"] = table[f"comi{suffix}"] = _compare_flags(type_)
        for letter in ("", "l", "q"):
            table[f"cvtsi2{suffix}{letter}"] = _from_integer(type_)
            table[f"cvtt{suffix}2si{letter}"] = _to_integer(type_, True)
            table[f"cvt{suffix}2si{letter}"] = _to_integer(type_, False)
        table[f"mov{suffix}"] = _string_or(_move_scalar(type_), f"mov{suffix}")
    return table


def _packed_float_rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for suffix, type_ in _VECTORS.items():
        table |= {stem + suffix: _vector(opcode, type_) for stem, opcode in _ARITHMETIC.items()}
        table |= {f"cmp{code}{suffix}": _mask_compare(p, type_) for code, p in _COMPARES.items()}
        table |= {f"{stem}{suffix}": _bitwise(opcode, "<2 x i64>") for stem, opcode in _BITWISE.items()}
        table[f"cmp{suffix}"] = _mask_compare("?", type_)
        table[f"sqrt{suffix}"] = _square_root(type_, False)
        table[f"min{suffix}"] = _extreme("olt", type_, False)
        table[f"max{suffix}"] = _extreme("ogt", type_, False)
        table |= {f"mov{kind}{suffix}": _move(type_) for kind in ("a", "nt")}
        table[f"movu{suffix}"] = _move_unaligned(type_)
        table |= {f"movl{suffix}": _move_half(False), f"movh{suffix}": _move_half(True)}
        table[f"shuf{suffix}"] = _shuffle_two(type_)
        table |= {f"unpckl{suffix}": _unpack(type_, False), f"unpckh{suffix}": _unpack(type_, True)}
        table[f"movmsk{suffix}"] = _signs(suffix, type_)
    return table


def _packed_integer_rules() -> dict[str, Rule]:
    table = {stem: _vector(opcode, type_) for stem, (opcode, type_) in _PACKED.items()}
    table |= {stem: _intrinsic(*how) for stem, how in _TARGET.items()}
    table |= {f"p{stem}": _bitwise(opcode, "<2 x i64>") for stem, opcode in _BITWISE.items()}
    for stem, opcode in (("psll", "shl"), ("psrl", "lshr"), ("psra", "ashr")):
        for letter in "wdq":
            table[stem + letter] = _packed_shift(opcode, _INTEGERS[letter])
    del table["psraq"]
    pairs = (("bw", "b"), ("wd", "w"), ("dq", "d"), ("qdq", "q"))
    for name, letter in pairs:
        table[f"punpckl{name}"] = _unpack(_INTEGERS[letter], False)
        table[f"punpckh{name}"] = _unpack(_INTEGERS[letter], True)
    return table


RULES: dict[str, Rule] = {
    **_scalar_rules(), **_packed_float_rules(), **_packed_integer_rules(),
    **dict.fromkeys(("movdqa", "movntdq"), _move("<2 x i64>")),
    "movdqu": _move_unaligned("<2 x i64>"),
    **dict.fromkeys(("movd", "movq"), _move_word), "pandn": _bitwise("andn", "<2 x i64>"),
    "movhlps": _move_across(64, 0), "movlhps": _move_across(0, 64),
    "cvtss2sd": _convert("fpext", "float", "double", True),
    "cvtsd2ss": _convert("fptrunc", "double", "float", True),
    "cvtdq2ps": _convert("sitofp", "<4 x i32>", "<4 x float>", False),
    "cvttps2dq": _convert("fptosi", "<4 x float>", "<4 x i32>", False),
    "cvtps2pd": _low_lanes("<4 x float>", "fpext", "<2 x double>"),
    "cvtdq2pd": _low_lanes("<4 x i32>", "sitofp", "<2 x double>"),
    "cvtpd2ps": _narrow_lanes("fptrunc", "<2 x double>", "<4 x float>"),
    "cvttpd2dq": _narrow_lanes("fptosi", "<2 x double>", "<4 x i32>"),
    "pslldq": _byte_shift(True), "psrldq": _byte_shift(False), "pmuludq": _multiply_even,
    "pshufd": _shuffle_one("<4 x i32>", "all"), "pshuflw": _shuffle_one("<8 x i16>", "low"),
    "pshufhw": _shuffle_one("<8 x i16>", "high"), "pmovmskb": _signs("b", "<16 x i8>"),
    "pinsrw": _insert_word, "pextrw": _extract_word,
    "rcpps": _convert("llvm.x86.sse.rcp.ps", "<4 x float>", "<4 x float>", False),
    "rsqrtps": _convert("llvm.x86.sse.rsqrt.ps", "<4 x float>", "<4 x float>", False),
}  # fmt: skip
"""Mnemonic -> what it does. fptosi stands for cvttsd2si: what is out of range is not defined."""
