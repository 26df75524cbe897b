"""Relocations as the static linker applies them (System V x86-64 psABI table 4.9, AArch64 ELF)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from ozma.lift.emulator.image import Relocation
from ozma.llvm.objects import ObjectError

_MASK = 0xFFFFFFFFFFFFFFFF
_PAGE = ~0xFFF


@dataclass(frozen=True)
class Place:
    """`at`: the patched address, `value`: the symbol's, `slot`: its entries in the global offset
    table (address, thread offset, module and offset), `call`: where it is called, `thread`: its
    offset from the thread pointer, `table`: the global offset table."""

    at: int
    value: int
    slot: int
    call: int
    thread: int
    table: int


# kind -> (bytes to patch, value of (place, addend))
_X86: dict[int, tuple[int, Callable[[Place, int], int]]] = {
    1: (8, lambda p, a: p.value + a),  # 64
    2: (4, lambda p, a: p.value + a - p.at),  # PC32
    4: (4, lambda p, a: p.call + a - p.at),  # PLT32
    10: (4, lambda p, a: p.value + a),  # 32
    11: (4, lambda p, a: p.value + a),  # 32S
    12: (2, lambda p, a: p.value + a),  # 16
    13: (2, lambda p, a: p.value + a - p.at),  # PC16
    14: (1, lambda p, a: p.value + a),  # 8
    15: (1, lambda p, a: p.value + a - p.at),  # PC8
    16: (8, lambda p, a: 1),  # DTPMOD64
    17: (8, lambda p, a: p.thread + a),  # DTPOFF64
    18: (8, lambda p, a: p.thread + a),  # TPOFF64
    19: (4, lambda p, a: p.slot + 16 + a - p.at),  # TLSGD
    20: (4, lambda p, a: p.table + 16 + a - p.at),  # TLSLD
    21: (4, lambda p, a: p.thread + a),  # DTPOFF32
    22: (4, lambda p, a: p.slot + 8 + a - p.at),  # GOTTPOFF
    23: (4, lambda p, a: p.thread + a),  # TPOFF32
    24: (8, lambda p, a: p.value + a - p.at),  # PC64
    25: (8, lambda p, a: p.value + a - p.table),  # GOTOFF64
    26: (4, lambda p, a: p.table + a - p.at),  # GOTPC32
    29: (8, lambda p, a: p.table + a - p.at),  # GOTPC64
} | dict.fromkeys((9, 41, 42), (4, lambda p, a: p.slot + a - p.at))  # GOTPCREL and its relaxations

_DATA_ARM: dict[int, tuple[int, Callable[[Place, int], int]]] = {
    257: (8, lambda p, a: p.value + a),  # ABS64
    258: (4, lambda p, a: p.value + a),
    259: (2, lambda p, a: p.value + a),
    260: (8, lambda p, a: p.value + a - p.at),  # PREL64
    261: (4, lambda p, a: p.value + a - p.at),
    262: (2, lambda p, a: p.value + a - p.at),
}
_PAGES_ARM: dict[int, Callable[[Place], int]] = {
    275: lambda p: p.value, 276: lambda p: p.value, 311: lambda p: p.slot,
    541: lambda p: p.slot + 8, 513: lambda p: p.slot + 16, 562: lambda p: p.slot + 16,
}
# kind -> (value of (place, addend), first bit and bits of it that count, where they go)
_LOW_ARM: dict[int, tuple[Callable[[Place, int], int], int, int, int]] = {
    277: (lambda p, a: p.value + a, 0, 12, 10),  # ADD_ABS_LO12_NC
    278: (lambda p, a: p.value + a, 0, 12, 10),  # LDST8
    284: (lambda p, a: p.value + a, 1, 11, 10),
    285: (lambda p, a: p.value + a, 2, 10, 10),
    286: (lambda p, a: p.value + a, 3, 9, 10),
    299: (lambda p, a: p.value + a, 4, 8, 10),  # LDST128
    312: (lambda p, a: p.slot + a, 3, 9, 10),  # LD64_GOT_LO12_NC
    313: (lambda p, a: p.slot + a - (p.table & _PAGE), 3, 12, 10),  # LD64_GOTPAGE_LO15
    542: (lambda p, a: p.slot + 8 + a, 3, 9, 10),  # TLSIE_LD64_GOTTPREL_LO12_NC
    549: (lambda p, a: p.thread + a, 12, 12, 10),  # TLSLE_ADD_TPREL_HI12
    550: (lambda p, a: p.thread + a, 0, 12, 10),
    551: (lambda p, a: p.thread + a, 0, 12, 10),
    552: (lambda p, a: p.thread + a, 0, 12, 10),  # TLSLE_LDST8 .. LDST64
    553: (lambda p, a: p.thread + a, 0, 12, 10),
    554: (lambda p, a: p.thread + a, 1, 11, 10),
    555: (lambda p, a: p.thread + a, 1, 11, 10),
    556: (lambda p, a: p.thread + a, 2, 10, 10),
    557: (lambda p, a: p.thread + a, 2, 10, 10),
    558: (lambda p, a: p.thread + a, 3, 9, 10),
    559: (lambda p, a: p.thread + a, 3, 9, 10),
    563: (lambda p, a: p.slot + 16 + a, 3, 9, 10),  # TLSDESC_LD64_LO12
    564: (lambda p, a: p.slot + 16 + a, 0, 12, 10),  # TLSDESC_ADD_LO12
    263: (lambda p, a: p.value + a, 0, 16, 5),  # MOVW_UABS_G0 .. G3
    264: (lambda p, a: p.value + a, 0, 16, 5),
    265: (lambda p, a: p.value + a, 16, 16, 5),
    266: (lambda p, a: p.value + a, 16, 16, 5),
    267: (lambda p, a: p.value + a, 32, 16, 5),
    268: (lambda p, a: p.value + a, 32, 16, 5),
    269: (lambda p, a: p.value + a, 48, 16, 5),
    273: (lambda p, a: p.value + a - p.at, 2, 19, 5),  # LD_PREL_LO19
    309: (lambda p, a: p.slot + a - p.at, 2, 19, 5),  # GOT_LD_PREL19
    279: (lambda p, a: p.value + a - p.at, 2, 14, 5),  # TSTBR14
    280: (lambda p, a: p.value + a - p.at, 2, 19, 5),  # CONDBR19
    282: (lambda p, a: p.call + a - p.at, 2, 26, 0),  # JUMP26
    283: (lambda p, a: p.call + a - p.at, 2, 26, 0),  # CALL26
}
_TLSDESC_CALL, _ADR = 569, 274
_FIRST_ARM = 256


def apply(data: bytearray, relocation: Relocation, place: Place) -> None:
    """Patches the bytes of a section. ObjectError for a kind that is not in the tables."""
    kind, offset = relocation.kind, relocation.offset
    size, value_of = _X86.get(kind) or _DATA_ARM.get(kind) or (0, None)
    if value_of:
        value = value_of(place, relocation.addend) & ((1 << 8 * size) - 1)
        data[offset : offset + size] = value.to_bytes(size, "little")
    elif kind >= _FIRST_ARM:
        _patch_instruction(data, relocation, place)
    elif kind:
        raise ObjectError(f"relocation of kind {kind} is not known")


def _patch_instruction(data: bytearray, relocation: Relocation, place: Place) -> None:
    kind, offset = relocation.kind, relocation.offset
    word = int.from_bytes(data[offset : offset + 4], "little")
    if kind in _PAGES_ARM or kind == _ADR:
        word |= _split_immediate(kind, relocation.addend, place)
    elif kind in _LOW_ARM:
        value_of, first, bits, where = _LOW_ARM[kind]
        value = value_of(place, relocation.addend) >> first & ((1 << bits) - 1)
        word = word & ~(((1 << bits) - 1) << where) | value << where
    elif kind != _TLSDESC_CALL:
        raise ObjectError(f"relocation of kind {kind} is not known")
    data[offset : offset + 4] = word.to_bytes(4, "little")


def _split_immediate(kind: int, addend: int, place: Place) -> int:
    """The 21-bit immediate of adr and adrp: two low bits above the rest."""
    if kind == _ADR:
        value = place.value + addend - place.at
    else:
        value = ((_PAGES_ARM[kind](place) + addend & _PAGE) - (place.at & _PAGE)) >> 12
    return (value & 3) << 29 | (value >> 2 & 0x7FFFF) << 5
