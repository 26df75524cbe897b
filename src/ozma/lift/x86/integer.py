"""Semantics of x86-64's integer instructions: stem -> effects."""

from __future__ import annotations

from collections.abc import Callable

from ozma.lift.reading.effects import (
    Condition, Const, Do, Effect, Expr, Let, Load, Op, Reg, SetFlags, SetReg, Store, Temp, Unsupported, bits,
)  # fmt: skip
from ozma.lift.x86.decode import Decoded, read, write
from ozma.lift.x86.operands import Immediate, Memory, Register, address

Rule = Callable[[Decoded], list[Effect]]

CONDITIONS = {
    "e": "eq", "z": "eq", "ne": "ne", "nz": "ne", "b": "ult", "c": "ult", "nae": "ult", "ae": "uge",
    "nc": "uge", "nb": "uge", "be": "ule", "na": "ule", "a": "ugt", "nbe": "ugt", "l": "slt",
    "nge": "slt", "ge": "sge", "nl": "sge", "le": "sle", "ng": "sle", "g": "sgt", "nle": "sgt",
    "s": "neg", "ns": "pos", "o": "ovf", "no": "novf", "p": "uno", "pe": "uno", "np": "ord",
    "po": "ord",
}  # fmt: skip

# stem -> (LLVM opcode, how the flags follow)
_BINARY = {
    "add": ("add", "add"), "sub": ("sub", "sub"), "and": ("and", "logic"), "or": ("or", "logic"),
    "xor": ("xor", "logic"),
}  # fmt: skip
_SHIFTS = {"shl": "shl", "sal": "shl", "shr": "lshr", "sar": "ashr"}
_ROTATES = {"rol": "llvm.fshl", "ror": "llvm.fshr"}
_COUNTS = {"popcnt": "llvm.ctpop", "tzcnt": "llvm.cttz", "lzcnt": "llvm.ctlz"}
_BIT_CHANGES = {"bts": "or", "btr": "and", "btc": "xor"}
# (from, to) of the widening moves; Intel's movzx, movsx, movsxd read widths from operands
_WIDTHS = {"b": 8, "w": 16, "l": 32, "q": 64}
_ABSORBING = {"and": lambda d: Const(0, d.type), "or": lambda d: Const((1 << d.width) - 1, d.type)}


def _last(d: Decoded) -> tuple[Expr, Expr]:
    """(value of the destination, value of the source)."""
    return read(d.operands[-1], d.type), read(d.operands[0], d.type)


def _same_register(d: Decoded) -> bool:
    return len(d.operands) == 2 and isinstance(d.operands[0], Register) and d.operands[0] == d.operands[1]


def _binary(opcode: str, flags: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_ = d.type
        if "lock" in d.prefixes:
            return _locked(d, opcode, flags)
        if _same_register(d) and opcode in ("sub", "xor"):
            zero = Const(0, type_)
            return [SetFlags("logic", zero, None, type_), write(d.operands[1], zero, type_)]
        left, right = _last(d)
        if right == _ABSORBING.get(opcode, lambda _: None)(d):  # the shortest way to store it
            return [SetFlags("logic", right, None, type_), write(d.operands[-1], right, type_)]
        effects = [Let("a", left, type_), Let("b", right, type_)]
        effects.append(Let("r", Op(opcode, type_, (Temp("a"), Temp("b"))), type_))
        return effects + [_flags(flags, type_), write(d.operands[-1], Temp("r"), type_)]

    return rule


def _flags(kind: str, type_: str) -> SetFlags:
    if kind == "logic":
        return SetFlags("logic", Temp("r"), None, type_)
    return SetFlags(kind, Temp("a"), Temp("b"), type_)


def _locked(d: Decoded, opcode: str, flags: str) -> list[Effect]:
    """`lock op src, mem`; flags are of the sum that memory then holds."""
    if not isinstance(d.operands[-1], Memory):
        raise Unsupported("lock on a register")
    type_, where = d.type, address(d.operands[-1])
    source = read(d.operands[0], type_)
    if opcode == "or" and isinstance(d.operands[-1].base, Register) and source == Const(0, type_):
        if d.operands[-1].base.whole == "rsp":  # LLVM's and gcc's cheaper mfence
            return [Do(Op("fence seq_cst", "void", ())), SetFlags("none")]
    rmw = Op(f"atomicrmw {opcode} seq_cst", type_, (where, Temp("b")))
    return [
        Let("b", source, type_), Let("a", rmw, type_),
        Let("r", Op(opcode, type_, (Temp("a"), Temp("b"))), type_), _flags(flags, type_),
    ]  # fmt: skip


def _mov(d: Decoded) -> list[Effect]:
    return [write(d.operands[1], read(d.operands[0], d.type), d.type)]


def _widen(opcode: str, source: int, width: int) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        narrow, wide = f"i{source or _source_width(d)}", f"i{width or d.width}"
        value = Op(opcode, wide, (read(d.operands[0], narrow),))
        return [write(d.operands[1], value, wide)]

    return rule


def _source_width(d: Decoded) -> int:
    source = d.operands[0]
    width = bits(source.type) if isinstance(source, Register) else getattr(source, "width", 0)
    if not width:
        raise Unsupported("the width of the source is not said")
    return width


def _lea(d: Decoded) -> list[Effect]:
    if not isinstance(d.operands[0], Memory):
        raise Unsupported("lea of what is no address")
    where = address(d.operands[0])
    return [write(d.operands[1], where if d.width == 64 else _cut(where, d.type), d.type)]


def _cut(value: Expr, type_: str) -> Expr:
    """The low part of a sum, by the low parts of what is added."""
    if isinstance(value, Op) and value.opcode in ("add", "shl"):
        return Op(value.opcode, type_, tuple(_cut(operand, type_) for operand in value.operands))
    if isinstance(value, Reg) and value.name != "rsp":
        return Reg(value.name, type_)
    if isinstance(value, Const):
        return Const(value.value & ((1 << bits(type_)) - 1), type_)
    return Op("trunc", type_, (value,))


def _cmp(d: Decoded) -> list[Effect]:
    left, right = _last(d)
    return [SetFlags("sub", left, right, d.type)]


def _test(d: Decoded) -> list[Effect]:
    left, right = _last(d)
    both = left if left == right else Op("and", d.type, (left, right))
    return [SetFlags("logic", both, None, d.type)]


def _step(opcode: str, kind: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        if "lock" in d.prefixes:
            operands = (Immediate(1), d.operands[0])
            return _locked(Decoded(opcode, d.width, operands, d.prefixes), opcode, opcode)
        sum_ = Op(opcode, d.type, (read(d.operands[0], d.type), Const(1, d.type)))
        return [
            Let("r", sum_, d.type), SetFlags(kind, Temp("r"), None, d.type),
            write(d.operands[0], Temp("r"), d.type),
        ]  # fmt: skip

    return rule


def _neg(d: Decoded) -> list[Effect]:
    zero, value = Const(0, d.type), Temp("a")
    return [
        Let("a", read(d.operands[0], d.type), d.type), SetFlags("sub", zero, value, d.type),
        write(d.operands[0], Op("sub", d.type, (zero, value)), d.type),
    ]  # fmt: skip


def _not(d: Decoded) -> list[Effect]:
    ones = Const((1 << d.width) - 1, d.type)
    return [write(d.operands[0], Op("xor", d.type, (read(d.operands[0], d.type), ones)), d.type)]


def _count_of(d: Decoded) -> Expr:
    """A shift's count in the value's type, masked as the hardware does."""
    mask = 63 if d.width == 64 else 31
    if len(d.operands) == 1:
        return Const(1, d.type)
    if isinstance(d.operands[0], Immediate):
        return Const(d.operands[0].value & mask, d.type)
    count = Op("and", "i8", (read(Register("rcx", "i8"), "i8"), Const(mask, "i8")))
    return count if d.width == 8 else Op("zext", d.type, (count,))


def _shift(opcode: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = Op(opcode, d.type, (read(d.operands[-1], d.type), _count_of(d)))
        return [
            Let("r", value, d.type), SetFlags("shift", Temp("r"), None, d.type),
            write(d.operands[-1], Temp("r"), d.type),
        ]  # fmt: skip

    return rule


def _rotate(name: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = read(d.operands[-1], d.type)
        turned = Op(name, d.type, (value, value, _count_of(d)))
        return [SetFlags("none"), write(d.operands[-1], turned, d.type)]

    return rule


def _double_shift(name: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        count = _count_of(Decoded(d.stem, d.width, (d.operands[0], d.operands[-1])))
        if len(d.operands) == 2:
            count = Op("zext", d.type, (Op("and", "i8", (Reg("rcx", "i8"), Const(d.width - 1, "i8"))),))
        low, high = read(d.operands[-1], d.type), read(d.operands[-2], d.type)
        pair = (low, high) if name == "llvm.fshl" else (high, low)
        return [SetFlags("none"), write(d.operands[-1], Op(name, d.type, (*pair, count)), d.type)]

    return rule


def _imul(d: Decoded) -> list[Effect]:
    if len(d.operands) == 1:
        return _wide_multiply("sext")(d)
    left = read(d.operands[-1] if len(d.operands) == 2 else d.operands[1], d.type)
    right = read(d.operands[0], d.type)
    product = Op("mul", d.type, (Temp("a"), Temp("b")))
    return [
        Let("a", left, d.type), Let("b", right, d.type),
        SetFlags("smul", Temp("a"), Temp("b"), d.type), write(d.operands[-1], product, d.type),
    ]  # fmt: skip


def _wide_multiply(extend: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_, wide = d.type, f"i{2 * d.width}"
        factors = (Reg("rax", type_), read(d.operands[0], type_))
        product = Op("mul", wide, tuple(Op(extend, wide, (factor,)) for factor in factors))
        kind = "umul" if extend == "zext" else "smul"
        effects = [SetFlags(kind, *factors, type_), Let("p", product, wide)]
        if d.width == 8:
            return effects + [SetReg("rax", Temp("p"), "i16", True, 0, True)]
        return effects + _pair(Temp("p"), type_, wide)

    return rule


def _pair(value: Expr, type_: str, wide: str) -> list[Effect]:
    """Halves of a value of twice the width to rax and rdx."""
    high = Op("trunc", type_, (Op("lshr", wide, (value, Const(bits(type_), wide))),))
    keeps = bits(type_) < 32
    low = Op("trunc", type_, (value,))
    return [SetReg("rax", low, type_, keeps, 0, True), SetReg("rdx", high, type_, keeps, 0, True)]


def _divide(sign: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_, divisor = d.type, read(d.operands[0], d.type)
        if d.width == 8:
            return _divide_bytes(sign, divisor)
        inputs = (Reg("rdx", type_), Reg("rax", type_), Temp("d"))
        keeps = d.width < 32
        return [
            Let("d", divisor, type_), Let("q", Op(f"{sign}divwide", type_, inputs), type_),
            Let("m", Op(f"{sign}remwide", type_, inputs), type_), SetFlags("none"),
            SetReg("rax", Temp("q"), type_, keeps, 0, True),
            SetReg("rdx", Temp("m"), type_, keeps, 0, True),
        ]  # fmt: skip

    return rule


def _divide_bytes(sign: str, divisor: Expr) -> list[Effect]:
    wide = Op("sext" if sign == "s" else "zext", "i16", (divisor,))
    inputs = (Reg("rax", "i16"), wide)
    return [
        Let("q", Op("trunc", "i8", (Op(f"{sign}div", "i16", inputs),)), "i8"),
        Let("m", Op("trunc", "i8", (Op(f"{sign}rem", "i16", inputs),)), "i8"), SetFlags("none"),
        SetReg("rax", Temp("q"), "i8", True, 0, True), SetReg("rax", Temp("m"), "i8", True, 8, True),
    ]  # fmt: skip


def _with_carry(opcode: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        carry = Condition("ult")
        if opcode == "sub" and _same_register(d):
            mask = Op("sext", d.type, (carry,))
            return [write(d.operands[1], mask, d.type)]  # the carry stays as it was
        left, right = _last(d)
        return [
            Let("c", carry, "i1"), Let("a", left, d.type), Let("b", right, d.type),
            Let("s", Op(opcode, d.type, (Temp("a"), Temp("b"))), d.type),
            Let("r", Op(opcode, d.type, (Temp("s"), Op("zext", d.type, (Temp("c"),)))), d.type),
            SetFlags("adc" if opcode == "add" else "sbb", Op("carries", "i1", (
                Temp("a"), Temp("b"), Temp("s"), Temp("r"), Temp("c"),
            )), Temp("r"), d.type),
            write(d.operands[-1], Temp("r"), d.type),
        ]  # fmt: skip

    return rule


def _bit_test(d: Decoded) -> list[Effect]:
    value = read(d.operands[-1], d.type)
    if isinstance(d.operands[0], Immediate):
        index: Expr = Const(d.operands[0].value % d.width, d.type)
    elif isinstance(d.operands[-1], Memory):
        raise Unsupported("a bit string in memory")
    else:
        index = Op("and", d.type, (read(d.operands[0], d.type), Const(d.width - 1, d.type)))
    shifted = Op("lshr", d.type, (value, index))
    effects = [SetFlags("carry", Op("trunc", "i1", (shifted,)))]
    if change := _BIT_CHANGES.get(d.stem):
        bit = Op("shl", d.type, (Const(1, d.type), index))
        if change == "and":
            bit = Op("xor", d.type, (bit, Const((1 << d.width) - 1, d.type)))
        if "lock" in d.prefixes:
            raise Unsupported("locked bit test")
        effects.append(write(d.operands[-1], Op(change, d.type, (value, bit)), d.type))
    return effects


def _scan(name: str) -> Rule:
    """bsf, bsr: of zero the destination is not defined."""

    def rule(d: Decoded) -> list[Effect]:
        value = read(d.operands[0], d.type)
        found = Op(name, d.type, (value, Const(1, "i1")))
        if name == "llvm.ctlz":
            found = Op("xor", d.type, (found, Const(d.width - 1, d.type)))
        return [
            Let("v", value, d.type), SetFlags("logic", Temp("v"), None, d.type),
            write(d.operands[1], found, d.type),
        ]  # fmt: skip

    return rule


def _count(name: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = read(d.operands[0], d.type)
        rest = () if name == "llvm.ctpop" else (Const(0, "i1"),)
        return [SetFlags("none"), write(d.operands[1], Op(name, d.type, (value, *rest)), d.type)]

    return rule


def _bswap(d: Decoded) -> list[Effect]:
    value = Op("llvm.bswap", d.type, (read(d.operands[0], d.type),))
    return [write(d.operands[0], value, d.type)]


def _xchg(d: Decoded) -> list[Effect]:
    first, second = d.operands
    if isinstance(first, Memory):
        first, second = second, first
    if isinstance(second, Memory):
        swap = Op("atomicrmw xchg seq_cst", d.type, (address(second), read(first, d.type)))
        return [write(first, swap, d.type)]
    return [
        Let("a", read(first, d.type), d.type), write(first, read(second, d.type), d.type),
        write(second, Temp("a"), d.type),
    ]  # fmt: skip


def _xadd(d: Decoded) -> list[Effect]:
    source, target = d.operands
    if not isinstance(target, Memory):
        raise Unsupported("xadd on registers")
    return [
        Let("b", read(source, d.type), d.type),
        Let("a", Op("atomicrmw add seq_cst", d.type, (address(target), Temp("b"))), d.type),
        SetFlags("add", Temp("a"), Temp("b"), d.type), write(source, Temp("a"), d.type),
    ]  # fmt: skip


def _cmpxchg(d: Decoded) -> list[Effect]:
    source, target = d.operands
    if not isinstance(target, Memory):
        raise Unsupported("cmpxchg on registers")
    pair = f"{{ {d.type}, i1 }}"
    swap = Op("cmpxchg seq_cst", pair, (address(target), Reg("rax", d.type), read(source, d.type)))
    return [
        Let("p", swap, pair), SetFlags("equal", Op("extractvalue", "i1", (Temp("p"),), 1)),
        SetReg("rax", Op("extractvalue", d.type, (Temp("p"),), 0), d.type, d.width < 32, 0, True),
    ]  # fmt: skip


def _extend_self(source: int, width: int) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        value = Op("sext", f"i{width}", (Reg("rax", f"i{source}"),))
        return [SetReg("rax", value, f"i{width}", width < 32)]

    return rule


def _sign_of(width: int) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        type_ = f"i{width}"
        value = Op("ashr", type_, (Reg("rax", type_), Const(width - 1, type_)))
        return [SetReg("rdx", value, type_, width < 32, 0, True)]

    return rule


def _push(d: Decoded) -> list[Effect]:
    pointer = Op("add", "i64", (Reg("rsp", "i64"), Const((1 << 64) - 8, "i64")))
    return [
        Let("v", read(d.operands[0], "i64"), "i64"), SetReg("rsp", pointer, "i64"),
        Store(Reg("rsp", "i64"), Temp("v"), "i64"),
    ]  # fmt: skip


def _pop(d: Decoded) -> list[Effect]:
    pointer = Op("add", "i64", (Reg("rsp", "i64"), Const(8, "i64")))
    return [
        Let("v", Load(Reg("rsp", "i64"), "i64"), "i64"), SetReg("rsp", pointer, "i64"),
        write(d.operands[0], Temp("v"), "i64"),
    ]  # fmt: skip


def _leave(d: Decoded) -> list[Effect]:
    return [SetReg("rsp", Reg("rbp", "i64"), "i64"), *_pop(Decoded("pop", 64, (Register("rbp", "i64"),)))]


def _set(code: str) -> Rule:
    return lambda d: [write(d.operands[0], Op("zext", "i8", (Condition(code),)), "i8")]


def _cmov(code: str) -> Rule:
    def rule(d: Decoded) -> list[Effect]:
        source, target = read(d.operands[0], d.type), read(d.operands[1], d.type)
        return [write(d.operands[1], Op("select", d.type, (Condition(code), source, target)), d.type)]

    return rule


def _do(opcode: str, *operands: Expr) -> Rule:
    return lambda d: [Do(Op(opcode, "void", operands))]


def _nothing(d: Decoded) -> list[Effect]:
    return []


def _string(name: str, width: int) -> Rule:
    """rep movs, rep stos: a memcpy or memset that runs upward."""

    def rule(d: Decoded) -> list[Effect]:
        if not d.prefixes or not d.prefixes[0].startswith("rep"):
            raise Unsupported("a string instruction without rep")
        count: Expr = Reg("rcx", "i64")
        size = count if width == 1 else Op("shl", "i64", (count, Const(width.bit_length() - 1, "i64")))
        if name == "llvm.memset":
            value, opcode = Reg("rax", f"i{8 * width}"), name
            if width > 1:
                raise Unsupported("rep stos of more than bytes")
        else:
            value, opcode = Reg("rsi", "i64"), "llvm.memcpy.inline"
        effects: list[Effect] = [
            Let("n", size, "i64"), Do(Op(name, "void", (Reg("rdi", "i64"), value, Temp("n")), opcode)),
            SetReg("rdi", Op("add", "i64", (Reg("rdi", "i64"), Temp("n"))), "i64", implicit=True),
        ]  # fmt: skip
        if name == "llvm.memcpy":
            sum_ = Op("add", "i64", (Reg("rsi", "i64"), Temp("n")))
            effects.append(SetReg("rsi", sum_, "i64", implicit=True))
        return [*effects, SetReg("rcx", Const(0, "i64"), "i64", implicit=True)]

    return rule


def _widening_moves() -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for source in "bw":
        for target in "wlq"["bw".index(source) :]:
            widths = _WIDTHS[source], _WIDTHS[target]
            table[f"movz{source}{target}"] = _widen("zext", *widths)
            table[f"movs{source}{target}"] = _widen("sext", *widths)
    return table | {
        "movslq": _widen("sext", 32, 64), "movzx": _widen("zext", 0, 0),
        "movsx": _widen("sext", 0, 0), "movsxd": _widen("sext", 32, 64),
    }  # fmt: skip


RULES: dict[str, Rule] = {
    **{stem: _binary(*how) for stem, how in _BINARY.items()},
    **{stem: _shift(opcode) for stem, opcode in _SHIFTS.items()},
    **{stem: _rotate(name) for stem, name in _ROTATES.items()},
    **{stem: _count(name) for stem, name in _COUNTS.items()},
    **{f"set{suffix}": _set(code) for suffix, code in CONDITIONS.items()},
    **{f"cmov{suffix}": _cmov(code) for suffix, code in CONDITIONS.items()},
    **_widening_moves(),
    **dict.fromkeys(("mov", "movabs"), _mov),
    **dict.fromkeys(("bt", *_BIT_CHANGES), _bit_test),
    **dict.fromkeys(("cltq", "cdqe"), _extend_self(32, 64)),
    **dict.fromkeys(("cwtl", "cwde"), _extend_self(16, 32)),
    **dict.fromkeys(("cbtw", "cbw"), _extend_self(8, 16)),
    **dict.fromkeys(("cwtd", "cwd"), _sign_of(16)),
    **dict.fromkeys(("cltd", "cdq"), _sign_of(32)),
    **dict.fromkeys(("cqto", "cqo"), _sign_of(64)),
    "lea": _lea, "cmp": _cmp, "test": _test, "inc": _step("add", "inc"), "dec": _step("sub", "dec"),
    "neg": _neg, "not": _not, "imul": _imul, "mul": _wide_multiply("zext"), "div": _divide("u"),
    "idiv": _divide("s"), "adc": _with_carry("add"), "sbb": _with_carry("sub"),
    "shld": _double_shift("llvm.fshl"), "shrd": _double_shift("llvm.fshr"),
    "bsf": _scan("llvm.cttz"), "bsr": _scan("llvm.ctlz"), "bswap": _bswap, "xchg": _xchg,
    "xadd": _xadd, "cmpxchg": _cmpxchg, "push": _push, "pop": _pop, "leave": _leave,
    "nop": _nothing, "endbr64": _nothing, "cld": _nothing,
    "ud2": _do("llvm.trap"), "hlt": _do("unreachable"), "mfence": _do("fence seq_cst"),
    "pause": _do("llvm.x86.sse2.pause"), "lfence": _do("llvm.x86.sse2.lfence"),
    "sfence": _do("llvm.x86.sse.sfence"), "int3": _do("llvm.debugtrap"),
    "movsb": _string("llvm.memcpy", 1), "movsw": _string("llvm.memcpy", 2),
    "movsl": _string("llvm.memcpy", 4), "movsq": _string("llvm.memcpy", 8),
    "stosb": _string("llvm.memset", 1), "stosl": _string("llvm.memset", 4),
    "stosq": _string("llvm.memset", 8),
}  # fmt: skip
"""Stem (AT&T's mnemonic without width suffix, or Intel's) -> what it does."""
