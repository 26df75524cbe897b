"""AArch64 (A64, as clang and gcc write it): operands, semantics, calling convention."""

from ozma.lift.aarch64.convention import AARCH64

__all__ = ["AARCH64"]
