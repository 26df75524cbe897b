"""The machines that code is generated for, and the clang arguments that select each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """`clang_args` select this machine in clang; CPU and features travel in the IR from there."""

    name: str
    triple: str
    clang_args: tuple[str, ...] = ()
    backend: str = ""
    package: str = ""
    """Debian package with a C library for this machine, for whoever wants to link or run."""


TARGETS = {
    target.name: target
    for target in (
        Target("x86-64", "x86_64-pc-linux-gnu", (), "X86"),
        Target(
            "aarch64",
            "aarch64-unknown-linux-gnu",
            ("--target=aarch64-linux-gnu",),
            "AArch64",
            "libc6-dev-arm64-cross",
        ),
        Target(
            "thumb2",
            "thumbv7em-unknown-none-eabi",
            ("--target=thumbv7em-none-eabi", "-mthumb"),
            "ARM",
            "libnewlib-dev",
        ),
        Target(
            "riscv32",
            "riscv32-unknown-unknown-elf",
            ("--target=riscv32-unknown-elf", "-march=rv32imac", "-mabi=ilp32"),
            "RISCV",
            "picolibc-riscv64-unknown-elf",
        ),
        Target(
            "riscv64",
            "riscv64-unknown-linux-gnu",
            ("--target=riscv64-linux-gnu",),
            "RISCV",
            "libc6-dev-riscv64-cross",
        ),
    )
}


def target_name(triple: str) -> str:
    """Name of the supported target with this architecture, or the triple itself."""
    machine = triple.partition("-")[0]
    if machine.startswith("thumb"):
        return "thumb2"
    names = (name for name, t in TARGETS.items() if t.triple.partition("-")[0] == machine)
    return next(names, triple)
