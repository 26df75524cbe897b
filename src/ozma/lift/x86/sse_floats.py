"""SSE and SSE2 on floats, scalar and packed, and their conversions: mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.reading.effects import Const, Effect, Expr, Op, SetFlags, bits, lanes
from ozma.lift.x86.decode import Decoded, Rule, read, write
from ozma.lift.x86.operands import Memory, Register
from ozma.lift.x86.sse_lanes import BITWISE, FLOATS, bitwise, both, put, string_or, vector

_SCALARS = {"ss": "float", "sd": "double"}
ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
# immediate of cmpss and its suffixes -> predicate on (destination, source)
_COMPARES = {
    "eq": "oeq", "lt": "olt", "le": "ole", "unord": "uno", "neq": "une", "nlt": "uge", "nle": "ugt",
    "ord": "ord",
}  # fmt: skip


def _scalar(opcode: str, type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        return [put(d.operands[1], Op(opcode, type_, both(d, type_)), type_, True)]

    return rule


def _square_root(type_: str, keeps: bool) -> Rule:
    return lambda d: [
        put(d.operands[1], Op("llvm.sqrt", type_, (read(d.operands[0], type_),)), type_, keeps)
    ]


def _extreme(predicate: str, type_: str, keeps: bool) -> Rule:
    """min: the source wherever `destination < source` does not hold (NaN, equal zeros)."""

    def rule(d: Decoded) -> list[Effect]:
        left, right = both(d, type_)
        count, _ = lanes(type_)
        mask = "i1" if count == 1 else f"<{count} x i1>"
        chosen = Op("select", type_, (Op(f"fcmp {predicate}", mask, (left, right)), left, right))
        return [put(d.operands[1], chosen, type_, keeps)]

    return rule


def _from_integer(type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        source = d.operands[0]
        width = 64 if d.stem.endswith("q") else d.width if d.width in (32, 64) else 32
        if isinstance(source, Register):
            width = bits(source.type)
        value = Op("sitofp", type_, (read(source, f"i{width}"),))
        return [put(d.operands[1], value, type_, True)]

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
    return lambda d: [
        put(d.operands[1], Op(opcode, target, (read(d.operands[0], source),)), target, keeps)
    ]


def _compare_flags(type_: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        left, right = both(d, type_)
        return [SetFlags("ucomis", left, right, type_)]

    return rule


def _mask_compare(predicate: str, type_: str) -> Rule:
    """All ones or all zeros in each lane."""

    def rule(d: Decoded) -> list[Effect]:
        left, right = both(d, type_)
        chosen = predicate
        if predicate == "?":
            chosen = list(_COMPARES.values())[d.operands[0].value & 7]
            left, right = read(d.operands[2], type_), read(d.operands[1], type_)
        count, element = lanes(type_)
        mask, integer = ("i1", f"i{bits(type_)}") if count == 1 else (
            f"<{count} x i1>", f"<{count} x i{bits(element)}>"
        )  # fmt: skip
        value = Op("sext", integer, (Op(f"fcmp {chosen}", mask, (left, right)),))
        return [put(d.operands[-1], value, integer, count == 1)]

    return rule


def _low_lanes(source: str, opcode: str, target: str) -> Rule:
    """Conversions of two lanes: cvtps2pd, cvtdq2pd."""
    element = lanes(source)[1]

    def rule(d: Decoded) -> list[Effect]:
        if isinstance(d.operands[0], Memory):
            value: Expr = read(d.operands[0], f"<2 x {element}>")
        else:
            whole = read(d.operands[0], source)
            value = Op("shufflevector", f"<2 x {element}>", (whole, whole), (0, 1))
        return [put(d.operands[1], Op(opcode, target, (value,)), target)]

    return rule


def _narrow_lanes(opcode: str, source: str, target: str) -> Rule:
    """cvtpd2ps, cvttpd2dq: two lanes, zeros above."""
    element = lanes(target)[1]

    def rule(d: Decoded) -> list[Effect]:
        two = f"<2 x {element}>"
        value = Op(opcode, two, (read(d.operands[0], source),))
        wide = Op("shufflevector", target, (value, Const(0, two)), (0, 1, 2, 3))
        return [put(d.operands[1], wide, target)]

    return rule


def _scalar_rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for suffix, type_ in _SCALARS.items():
        table |= {stem + suffix: _scalar(opcode, type_) for stem, opcode in ARITHMETIC.items()}
        table |= {f"cmp{code}{suffix}": _mask_compare(p, type_) for code, p in _COMPARES.items()}
        table[f"cmp{suffix}"] = string_or(_mask_compare("?", type_), f"cmp{suffix}")
        table[f"sqrt{suffix}"] = _square_root(type_, True)
        table[f"min{suffix}"] = _extreme("olt", type_, True)
        table[f"max{suffix}"] = _extreme("ogt", type_, True)
        table[f"ucomi{suffix}"] = table[f"comi{suffix}"] = _compare_flags(type_)
        for letter in ("", "l", "q"):
            table[f"cvtsi2{suffix}{letter}"] = _from_integer(type_)
            table[f"cvtt{suffix}2si{letter}"] = _to_integer(type_, True)
            table[f"cvt{suffix}2si{letter}"] = _to_integer(type_, False)
    return table


def _packed_rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for suffix, type_ in FLOATS.items():
        table |= {stem + suffix: vector(opcode, type_) for stem, opcode in ARITHMETIC.items()}
        table |= {f"cmp{code}{suffix}": _mask_compare(p, type_) for code, p in _COMPARES.items()}
        table |= {stem + suffix: bitwise(opcode, "<2 x i64>") for stem, opcode in BITWISE.items()}
        table[f"cmp{suffix}"] = _mask_compare("?", type_)
        table[f"sqrt{suffix}"] = _square_root(type_, False)
        table[f"min{suffix}"] = _extreme("olt", type_, False)
        table[f"max{suffix}"] = _extreme("ogt", type_, False)
    return table


RULES: dict[str, Rule] = {
    **_scalar_rules(), **_packed_rules(),
    "cvtss2sd": _convert("fpext", "float", "double", True),
    "cvtsd2ss": _convert("fptrunc", "double", "float", True),
    "cvtdq2ps": _convert("sitofp", "<4 x i32>", "<4 x float>", False),
    "cvttps2dq": _convert("fptosi", "<4 x float>", "<4 x i32>", False),
    "cvtps2pd": _low_lanes("<4 x float>", "fpext", "<2 x double>"),
    "cvtdq2pd": _low_lanes("<4 x i32>", "sitofp", "<2 x double>"),
    "cvtpd2ps": _narrow_lanes("fptrunc", "<2 x double>", "<4 x float>"),
    "cvttpd2dq": _narrow_lanes("fptosi", "<2 x double>", "<4 x i32>"),
    "rcpps": _convert("llvm.x86.sse.rcp.ps", "<4 x float>", "<4 x float>", False),
    "rsqrtps": _convert("llvm.x86.sse.rsqrt.ps", "<4 x float>", "<4 x float>", False),
}  # fmt: skip
"""fptosi stands for cvttsd2si: what is out of range is not defined."""
