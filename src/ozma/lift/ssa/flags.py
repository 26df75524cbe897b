"""Flags at their use: what a condition code asks of the operation that set them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ozma.lift.reading.effects import Unsupported
from ozma.lift.ssa.values import Value, is_const, mask, resolve

if TYPE_CHECKING:
    from ozma.lift.ssa.builder import Builder

# Code -> predicate of fcmp, after x86's ucomis and after AArch64's fcmp.
_UCOMIS = {
    "eq": "ueq", "ne": "one", "ult": "ult", "ule": "ule", "ugt": "ogt", "uge": "oge", "uno": "uno",
    "ord": "ord",
}  # fmt: skip
_FCMP = {
    "eq": "oeq", "ne": "une", "neg": "olt", "pos": "uge", "ugt": "ugt", "uge": "uge", "ult": "olt",
    "ule": "ole", "sgt": "ogt", "sge": "oge", "slt": "ult", "sle": "ule", "ovf": "uno",
    "novf": "ord",
}  # fmt: skip
_INTEGER = frozenset("eq ne ult ule ugt uge slt sle sgt sge".split())
OPPOSITE = {
    "eq": "ne", "ne": "eq", "ult": "uge", "uge": "ult", "ule": "ugt", "ugt": "ule", "slt": "sge",
    "sge": "slt", "sle": "sgt", "sgt": "sle", "neg": "pos", "pos": "neg", "ovf": "novf",
    "novf": "ovf", "uno": "ord", "ord": "uno",
}  # fmt: skip


@dataclass(frozen=True)
class Flags:
    """What set the flags, with values; `before` answers the carry of inc and dec."""

    kind: str
    a: Value | None = None
    b: Value | None = None
    before: Flags | None = None
    selects: tuple[Value, Flags, frozenset[str]] | None = None
    subtracted: bool = False
    """By an instruction that keeps the difference."""


def condition(builder: Builder, flags: Flags, code: str) -> Value:
    """The i1 that the code asks for; Unsupported if the flags do not say."""
    if flags.kind == "select":
        chosen, then, holds = flags.selects
        held = builder.constant(int(code in holds), "i1")
        return builder.make("select", "i1", [chosen, condition(builder, then, code), held])
    answer = _ANSWERS.get(flags.kind)
    if answer is None:
        raise Unsupported("a condition on flags that nothing known has set")
    return answer(builder, flags, code)


def joined_compare(op: str, first: Value, second: Value) -> str:
    """`setne; setp; or` is one compare of floating numbers: its opcode, or "" where it is none."""
    code = {("or", "fcmp one"): "une", ("and", "fcmp ueq"): "oeq"}.get((op, first.op))
    if code is None or second.op != {"or": "fcmp uno", "and": "fcmp ord"}[op]:
        return ""
    same = all(resolve(a) is resolve(b) for a, b in zip(first.args, second.args))
    return f"fcmp {code}" if same else ""


def _unknown(flags: Flags, code: str) -> Unsupported:
    return Unsupported(f"condition '{code}' after flags of kind '{flags.kind}'")


def _zero(builder: Builder, like: Value) -> Value:
    return builder.constant(0, like.type)


def _of_result(builder: Builder, result: Value, code: str) -> Value | None:
    """Codes that only look at the result."""
    if code in ("eq", "ne"):
        return builder.compare(code, result, _zero(builder, result))
    if code == "neg":
        return builder.compare("slt", result, _zero(builder, result))
    if code == "pos":
        return builder.compare("sgt", result, builder.constant(mask(result.type), result.type))
    return None


def _after_compare(builder: Builder, flags: Flags, code: str) -> Value:
    if code in _INTEGER:
        test = builder.compare(code, flags.a, flags.b)
        if flags.subtracted and code == "eq" and builder.mode == "O0" and test.extra is None:
            test.extra = "case"  # unless the difference has other uses: how a switch is lowered
        return test
    if code in ("neg", "pos"):
        return _of_result(builder, builder.make("sub", flags.a.type, [flags.a, flags.b]), code)
    if code in ("ovf", "novf"):
        return _overflow(builder, "llvm.ssub.with.overflow", flags, code)
    raise _unknown(flags, code)


def _overflow(builder: Builder, name: str, flags: Flags, code: str) -> Value:
    type_ = flags.a.type
    pair = builder.make(name, f"{{ {type_}, i1 }}", [flags.a, flags.b])
    bit = builder.make("extractvalue", "i1", [pair], 1)
    return bit if code == "ovf" else builder.invert(bit)


def _after_logic(builder: Builder, flags: Flags, code: str) -> Value:
    result = flags.a
    if builder.mode == "O0" and result.op == "and" and is_const(result.args[1], 1):
        if code in ("eq", "ne"):  # FastISel's test of an i1
            bit = builder.make("trunc", "i1", [result.args[0]])
            return bit if code == "ne" else builder.invert(bit)
    if builder.mode == "O0" and code in ("eq", "ne") and not flags.subtracted:
        test = _of_result(builder, result, code)
        if test.extra is None:
            test.extra = "case"  # FastISel would compare with zero: how a switch is lowered
        return test
    same = {"ule": "eq", "ugt": "ne", "slt": "neg", "sge": "pos"}.get(code, code)
    if found := _of_result(builder, result, same):
        return found
    if code in ("sle", "sgt"):
        return builder.compare(code, result, _zero(builder, result))
    if code in ("ult", "ovf", "uge", "novf"):
        return builder.constant(int(code in ("uge", "novf")), "i1")
    raise _unknown(flags, code)


def _after_add(builder: Builder, flags: Flags, code: str) -> Value:
    if flags.kind == "adds" and code in ("ult", "uge", "ugt", "ule"):
        code = {"ult": "uge", "uge": "ult", "ugt": "?", "ule": "?"}[code]
    total = builder.make("add", flags.a.type, [flags.a, flags.b])
    if found := _of_result(builder, total, code):
        return found
    if code in ("ult", "uge"):
        return builder.compare(code, total, flags.a)
    if code in ("ovf", "novf"):
        return _overflow(builder, "llvm.sadd.with.overflow", flags, code)
    least = flags.b.op == "const" and 2 * flags.b.extra == mask(flags.b.type) + 1  # no opposite
    if code in ("slt", "sge", "sgt", "sle") and flags.b.op == "const" and not least:
        negative = builder.constant(-flags.b.extra, flags.b.type)
        return builder.compare(code, flags.a, negative)
    raise _unknown(flags, code)


def _after_step(builder: Builder, flags: Flags, code: str) -> Value:
    result, up = flags.a, flags.kind == "inc"
    if found := _of_result(builder, result, code):
        return found
    if code in ("ult", "uge") and flags.before is not None:
        return condition(builder, flags.before, code)
    one = builder.constant(1, result.type)
    source = result.args[0] if result.op in ("add", "sub") else None
    if source is None:
        source = builder.make("sub" if up else "add", result.type, [result, one])
    limit = builder.constant(-1 if up else 1, result.type)
    if code in ("slt", "sge", "sgt", "sle"):
        return builder.compare(code, source, limit)
    if code in ("ovf", "novf"):
        name = "llvm.sadd.with.overflow" if up else "llvm.ssub.with.overflow"
        return _overflow(builder, name, Flags("add", source, one), code)
    raise _unknown(flags, code)


def _after_shift(builder: Builder, flags: Flags, code: str) -> Value:
    if found := _of_result(builder, flags.a, code):
        return found
    raise _unknown(flags, code)


def _bit(wanted: str) -> object:
    def answer(builder: Builder, flags: Flags, code: str) -> Value:
        if code == wanted:
            return flags.a
        if code == OPPOSITE[wanted]:
            return builder.invert(flags.a)
        raise _unknown(flags, code)

    return answer


def _after_carry_chain(builder: Builder, flags: Flags, code: str) -> Value:
    if code in ("ult", "uge"):
        return flags.a if code == "ult" else builder.invert(flags.a)
    if found := _of_result(builder, flags.b, code):
        return found
    raise _unknown(flags, code)


def _after_floats(table: dict[str, str]) -> object:
    def answer(builder: Builder, flags: Flags, code: str) -> Value:
        if code not in table:
            raise _unknown(flags, code)
        return builder.make(f"fcmp {table[code]}", "i1", [flags.a, flags.b])

    return answer


def _after_multiply(builder: Builder, flags: Flags, code: str) -> Value:
    same = {"ult": "ovf", "uge": "novf"}.get(code, code)
    if same in ("ovf", "novf"):
        return _overflow(builder, f"llvm.{flags.kind}.with.overflow", flags, same)
    raise _unknown(flags, code)


_ANSWERS = {
    "sub": _after_compare, "add": _after_add, "adds": _after_add, "logic": _after_logic,
    "inc": _after_step, "dec": _after_step, "shift": _after_shift, "carry": _bit("ult"),
    "equal": _bit("eq"), "adc": _after_carry_chain, "sbb": _after_carry_chain,
    "ucomis": _after_floats(_UCOMIS), "fcmp": _after_floats(_FCMP), "umul": _after_multiply,
    "smul": _after_multiply,
}  # fmt: skip
