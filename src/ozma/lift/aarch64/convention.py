"""AAPCS64, and what the shared core has to know of the machine."""

from __future__ import annotations

from ozma.lift.aarch64.outlined import is_outlined, restored
from ozma.lift.aarch64.semantics import effects
from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.reading.listing import AsmFunction, Directive

_VECTORS = tuple(f"v{number}" for number in range(32))

AAPCS64 = Convention(
    integers=tuple(f"x{number}" for number in range(8)),
    floats=_VECTORS[:8],
    results=("x0", "x1"),
    float_results=_VECTORS[:4],
    preserved=frozenset([*(f"x{number}" for number in range(19, 30)), *_VECTORS[8:16], "sp"]),
    stack_pointer="sp",
    frame_pointer="x29",
    link="x30",
    stack_arguments=0,
    indirect_result="x8",
)
"""Of v8 to v15 a callee keeps the lower half only."""


def _was_inverted(code: str, number: int) -> bool:
    """Selection inverts a comparison with c to one with c + 1 or c - 1. Counted on the development
    set: `b.hi` and `b.gt` mostly come from "below" and its branch the other way, `b.lt` rarely."""
    if code == "sgt":
        return number != 0
    return code == "ugt" or code == "slt" and number == 2


def _is_small(function: AsmFunction) -> bool:
    """The unwind table describes the epilogues too, unless code shall be small. A function without
    a frame does not say; it is taken for small."""
    return not any(
        isinstance(line, Directive)
        and (line.name, line.arguments) in _EPILOGUE_NOTES
        or isinstance(line, Directive)
        and line.name == ".cfi_restore"
        for line in function.lines
    )


_EPILOGUE_NOTES = ((".cfi_def_cfa_offset", "0"), (".cfi_restore_state", ""))


AARCH64 = Architecture(
    name="aarch64",
    triple="aarch64-unknown-linux-gnu",
    layout="e-m:e-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32",
    effects=effects,
    convention=AAPCS64,
    comment="//",
    attributes='"target-cpu"="generic" '
    '"target-features"="+fp-armv8,+neon,+outline-atomics,+v8a,-fmv"',
    scratch=tuple(f"x{number}" for number in (*range(8, 19), *range(8), *range(19, 31))),
    vector_registers=frozenset(_VECTORS),
    is_small=_is_small,
    sized_constants=True,
    was_inverted=_was_inverted,
    first_local_highest=True,
    prepare=restored,
    is_part=is_outlined,
)
