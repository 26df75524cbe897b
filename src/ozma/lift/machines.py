"""The architectures that can be lifted, by the name of a target."""

from __future__ import annotations

from ozma.lift.reading.architecture import Architecture


def find_architecture(target: str) -> Architecture:
    """By the name of a target ("x86-64", "aarch64"). KeyError: none such."""
    if target == "x86-64":
        from ozma.lift.x86 import X86_64

        return X86_64
    if target == "aarch64":
        from ozma.lift.aarch64 import AARCH64

        return AARCH64
    raise KeyError(target)
