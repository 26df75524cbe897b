"""Discovery of installed LLVM toolchains: one libLLVM with the tools of the same release."""

from __future__ import annotations

import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ozma.errors import OzmaError

DEFAULT_MAJOR = 19
"""The release that recorded figures are made with; any release from OLDEST_MAJOR on is accepted."""
OLDEST_MAJOR = 17
NEWEST_MAJOR = 40

_PREFIXES = ("/usr/lib/llvm-{major}", "/usr/local/lib/llvm-{major}", "/opt/llvm-{major}")
_PACKAGES = {"ld.lld": "lld", "clang": "clang", "clang++": "clang"}


class ToolchainError(OzmaError):
    """No usable LLVM was found; the message names the package that brings it."""


@dataclass(frozen=True)
class Toolchain:
    """One LLVM release on this machine. `prefix` holds `bin/` and `lib/`."""

    major: int
    prefix: Path

    @property
    def bindir(self) -> Path:
        return self.prefix / "bin"

    def tool(self, name: str) -> Path:
        """Path of `clang`, `opt`, `llc`, `ld.lld`, ...; ToolchainError names the missing
        package."""
        path = self.bindir / name
        if not path.exists():
            package = f"{_PACKAGES.get(name, 'llvm')}-{self.major}"
            raise ToolchainError(
                f"{name} of LLVM {self.major} is not installed",
                hint=f"install it with: apt-get install {package}",
            )
        return path

    @property
    def library(self) -> Path:
        """The shared libLLVM of this release."""
        names = (f"libLLVM.so.{self.major}.1", f"libLLVM-{self.major}.so")
        shared = self.prefix.parent / f"{platform.machine()}-linux-gnu"  # without llvm-N-dev
        own = self.prefix / "lib"
        for path in (
            *(own / name for name in (*names, "libLLVM.so")),
            *(shared / n for n in names),
        ):
            if path.exists():
                return path.resolve()
        raise ToolchainError(
            f"libLLVM of LLVM {self.major} is not installed",
            hint=f"install it with: apt-get install libllvm{self.major}",
        )

    @property
    def version(self) -> str:
        """Full release number, such as '19.1.7', as the installed clang reports it."""
        return _clang_version(self.tool("clang"))


@cache
def _clang_version(clang: Path) -> str:
    try:
        done = subprocess.run([clang, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ToolchainError(f"{clang} does not run: {error}", hint="install it again") from error
    match = re.search(r"version (\d+\.\d+\.\d+)", done.stdout)
    return match.group(1) if match else "unknown"


def _at_prefix(major: int) -> Toolchain | None:
    for pattern in _PREFIXES:
        prefix = Path(pattern.format(major=major))
        if (prefix / "bin" / "clang").exists():
            return Toolchain(major, prefix)
    return None


def installed_toolchains() -> list[Toolchain]:
    """Every installed release that Ozma supports, oldest first."""
    found = (_at_prefix(major) for major in range(OLDEST_MAJOR, NEWEST_MAJOR))
    return [toolchain for toolchain in found if toolchain]


def find_toolchain(major: int | None = None) -> Toolchain:
    """The release asked for; without a wish the recorded default, else the newest installed."""
    name = DEFAULT_MAJOR if major is None else major
    wanted = _at_prefix(name)
    if wanted:
        return wanted
    others = installed_toolchains()
    if major is None and others:
        return others[-1]
    have = ", ".join(str(other.major) for other in others) or "none"
    raise ToolchainError(
        f"LLVM {name} is not installed (found: {have})",
        hint=f"install it with: apt-get install llvm-{name} clang-{name} lld-{name}",
    )
