"""How the programs of a suite are made and run for a target: what compiles, links and emulates."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass

from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Target

GIB = 1 << 30


@dataclass(frozen=True)
class Machine:
    """A target with a system under it. `units` compiles the programs' units, `link_args` select
    clang's linker and its own objects; `memory` bytes of address space are enough for a program.
    """

    units: Target
    link_args: tuple[str, ...]
    memory: int = 4 * GIB

    @property
    def emulator(self) -> tuple[str, ...]:
        """The command before a program; empty when this machine runs it itself."""
        return find_emulator(self.units)


_THUMB2 = Machine(
    # Firmware has no system to print or to exit with: the code is that of the target, the calls
    # are Linux's. Enumerations are as wide as int there.
    Target(
        "thumb2",
        "thumbv7em-unknown-linux-gnueabi",
        ("--target=thumbv7em-linux-gnueabi", "-mthumb"),
        "ARM",
        "libc6-dev-armel-cross libstdc++-12-dev-armel-cross",
    ),
    ("--target=arm-linux-gnueabi", "-march=armv7-a", "-mthumb"),
    8 * GIB,  # qemu-arm reserves all four that the program may ever want
)
RUNNABLE = ("x86-64", "aarch64", "thumb2", "riscv64")
"""Targets whose programs can run here or under an emulator."""


def machine_of(target: Target) -> Machine:
    """The target's own clang arguments, but for targets without a system."""
    return _THUMB2 if target == TARGETS["thumb2"] else Machine(target, target.clang_args)


def find_emulator(target: Target) -> tuple[str, ...]:
    """The command before a program of this target; OzmaError names the package to install."""
    machine = target.triple.split("-")[0]
    if machine == os.uname().machine:
        return ()
    name = "arm" if machine.startswith("thumb") else machine
    emulator = shutil.which(f"qemu-{name}") or shutil.which(f"qemu-{name}-static")
    if emulator is None:
        raise OzmaError(
            f"programs for {target.name} cannot run here: there is no qemu-{name}",
            hint=shlex.join(["apt-get", "install", "qemu-user", *target.package.split()]),
        )
    return (emulator,)
