"""Loads and stores of registers, alone and in pairs: mnemonic -> effects."""

from __future__ import annotations

from ozma.lift.aarch64.operands import Label, Memory, Operand
from ozma.lift.aarch64.registers import Register
from ozma.lift.aarch64.values import (
    Meaning, Operands, address, op, plus, read_register, stepped, write,
)  # fmt: skip
from ozma.lift.reading.effects import (
    Const, Effect, Expr, Let, Load, SetReg, Store, Symbol, Temp, Unsupported, bits,
)  # fmt: skip

_NARROW = {"ldrb": ("zext", "i8"), "ldrh": ("zext", "i16"), "ldrsb": ("sext", "i8"),
           "ldrsh": ("sext", "i16"), "ldrsw": ("sext", "i32")}  # fmt: skip
_ORDERED_LOADS = {
    "ldar": "",
    "ldarb": "i8",
    "ldarh": "i16",
    "ldapr": "",
    "ldaprb": "i8",
    "ldaprh": "i16",
}
_ORDERED_STORES = {"stlr": "", "stlrb": "i8", "stlrh": "i16"}
_QUAD = "<2 x i64>"
ANY_ALIGNMENT = 1
"""What an ordinary access asks of its address: nothing, so that IR must not promise more."""


def _type(register: Operand) -> str:
    if not isinstance(register, Register):
        raise Unsupported("what is loaded or stored is no register")
    return _QUAD if register.is_vector and register.bits == 128 else register.type


def _alignment(memory: Memory) -> int:
    """0, as its size, where the low part of a symbol's address is in the access: that is encoded
    in units of the size."""
    return 0 if isinstance(memory.offset, Label) else ANY_ALIGNMENT


def _loaded(where: Expr, type_: str, align: int) -> Expr:
    """An address that was loaded from the global offset table is the symbol's own."""
    if isinstance(where, Symbol) and where.relocation == "gotslot":
        return Symbol(where.name, where.addend, "got")
    if isinstance(where, Const) or isinstance(where, Symbol) and where.model == "initialexec":
        return where  # a descriptor's or the distance from the thread pointer
    return Load(where, type_, align=align)


def _load(operands: Operands) -> list[Effect]:
    target, memory = _pair_of(operands)
    type_ = _type(target)
    value = _loaded(address(memory), type_, _alignment(memory))
    return [*write(target, value, type_), *stepped(memory)]


def _pair_of(operands: Operands) -> tuple[Operand, Memory]:
    if len(operands) != 2:
        raise Unsupported("operands of this form are not supported")
    target, memory = operands
    if isinstance(memory, Label):  # `ldr x0, label`: beside the code
        raise Unsupported("a load relative to the program counter")
    if not isinstance(memory, Memory):
        raise Unsupported("the address is not understood")
    return target, memory


def _load_narrow(mnemonic: str) -> Meaning:
    extend, narrow = _NARROW[mnemonic]

    def meaning(operands: Operands) -> list[Effect]:
        target, memory = _pair_of(operands)
        value = op(extend, _type(target), Load(address(memory), narrow, align=_alignment(memory)))
        return [*write(target, value, _type(target)), *stepped(memory)]

    return meaning


def _store(narrow: str = "") -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        source, memory = _pair_of(operands)
        type_ = narrow or _type(source)
        align = _alignment(memory)
        stored = Store(address(memory), read_register(source, type_), type_, align=align)
        return [stored, *stepped(memory)]

    return meaning


def _load_pair(narrow: str = "") -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        first, second, memory = operands
        effects: list[Effect] = []
        for place, target in enumerate((first, second)):
            type_ = _type(target)
            part = narrow or type_
            where = plus(address(memory), place * bits(part) // 8)
            value: Expr = Load(where, part, align=ANY_ALIGNMENT)
            effects += write(target, op("sext", type_, value) if narrow else value, type_)
        return _once_read(effects) + stepped(memory)

    return meaning


def _once_read(effects: list[Effect]) -> list[Effect]:
    """Both halves are read before a register is set."""
    lets: list[Effect] = []
    sets: list[Effect] = []
    for place, effect in enumerate(effects):
        lets.append(Let(f"half{place}", effect.value, effect.type))
        sets.append(SetReg(effect.name, Temp(f"half{place}"), effect.type))
    return lets + sets


def _store_pair(operands: Operands) -> list[Effect]:
    first, second, memory = operands
    effects: list[Effect] = []
    for place, source in enumerate((first, second)):
        type_ = _type(source)
        where = plus(address(memory), place * bits(type_) // 8)
        effects.append(Store(where, read_register(source, type_), type_, align=ANY_ALIGNMENT))
    return effects + stepped(memory)


def _ordered_load(mnemonic: str) -> Meaning:
    narrow, order = _ORDERED_LOADS[mnemonic], "acquire" if "p" in mnemonic else "seq_cst"

    def meaning(operands: Operands) -> list[Effect]:
        target, memory = _pair_of(operands)
        type_ = _type(target)
        value: Expr = Load(address(memory), narrow or type_, order)
        return write(target, op("zext", type_, value) if narrow else value, type_)

    return meaning


def _ordered_store(mnemonic: str) -> Meaning:
    def meaning(operands: Operands) -> list[Effect]:
        source, memory = _pair_of(operands)
        type_ = _ORDERED_STORES[mnemonic] or _type(source)
        return [Store(address(memory), read_register(source, type_), type_, "seq_cst")]

    return meaning


def _exclusive(operands: Operands) -> list[Effect]:
    raise Unsupported("a loop over an exclusive load and store")


def _nothing(operands: Operands) -> list[Effect]:
    """Prefetches and hints."""
    return []


MEMORY: dict[str, Meaning] = {
    **{mnemonic: _load for mnemonic in ("ldr", "ldur", "ldnp")},
    **{mnemonic: _load_narrow(mnemonic) for mnemonic in _NARROW},
    **{f"ldu{mnemonic[2:]}": _load_narrow(mnemonic) for mnemonic in _NARROW},
    "str": _store(), "stur": _store(), "strb": _store("i8"), "sturb": _store("i8"),
    "strh": _store("i16"), "sturh": _store("i16"),
    "ldp": _load_pair(), "ldpsw": _load_pair("i32"), "stp": _store_pair,
    "ldnp": _load_pair(), "stnp": _store_pair,
    **{mnemonic: _ordered_load(mnemonic) for mnemonic in _ORDERED_LOADS},
    **{mnemonic: _ordered_store(mnemonic) for mnemonic in _ORDERED_STORES},
    **{f"{kind}{order}xr{size}": _exclusive
       for kind, orders in (("ld", ("", "a")), ("st", ("", "l"))) for order in orders
       for size in ("", "b", "h")},
    "ldxp": _exclusive, "ldaxp": _exclusive, "stxp": _exclusive, "stlxp": _exclusive,
    "prfm": _nothing, "prfum": _nothing,
}  # fmt: skip
