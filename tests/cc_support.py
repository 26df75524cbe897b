"""`ozma cc` as a program in a folder of its own, for the tests of the drop-in compilers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

from ozma.llvm import find_toolchain
from ozma.optimize.cc import launch, stats

TWINS = """
int scale(const int *v, int n) {
    int s = 0;
    for (int i = 0; i < n; i++) { if (v[i] > 3) s += v[i] * 7; else s ^= v[i] - 5; }
    return s;
}
int weigh(const int *v, int n) {
    int s = 0;
    for (int i = 0; i < n; i++) { if (v[i] > 3) s += v[i] * 7; else s ^= v[i] - 5; }
    return s;
}
"""
"""Two equal functions: `mergefunc`, which is not part of -Oz, makes one of them."""

SWITCH_IN_A_LOOP = """
int machine(const char *s) {
    int r = 0;
    while (*s) {
        switch (*s++) {
        case 'a': r += 3; break;
        case 'b': return r * 7;
        case 'c': return -r;
        default: r--; }
    }
    return r + 1000;
}
"""
STRUCTURIZE = "function(structurizecfg),default<Oz>"
"""Miscompiles it, and looks smallest: the blocks behind the switch are dropped."""

MERGING = "default<Oz>,mergefunc"


class Compiler:
    """`ozma cc` as a program of one word in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.lists = folder / "lists.json"
        self.use_lists(MERGING)
        self.cc, self.cxx = self._script("ozcc", False), self._script("ozcxx", True)

    def use_lists(self, *passes: str) -> None:
        self.lists.write_text(json.dumps({"lists": [{"passes": p} for p in passes]}))

    def _script(self, name: str, cplusplus: bool) -> Path:
        path = self.folder / name
        body = f"from ozma.cli import cc\nsys.exit(cc.main(sys.argv[1:], {cplusplus}))\n"
        path.write_text(f"#!{sys.executable}\nimport sys\n{body}")
        path.chmod(0o755)
        return path

    @property
    def environment(self) -> dict[str, str]:
        flags = f"--ozma-cache={self.cache} --ozma-lists={self.lists}"
        return {**os.environ, launch.FLAGS_VARIABLE: flags}

    def run(self, *words: str, cplusplus: bool = False) -> subprocess.CompletedProcess:
        command = [self.cxx if cplusplus else self.cc, *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )

    def write(self, name: str, text: str = TWINS) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def records(self) -> list[dict]:
        return list(stats.read_records(self.cache))

    def last(self) -> dict:
        return self.records()[-1]


def clang_object(folder: Path, *words: str) -> bytes:
    clang = find_toolchain().tool("clang")
    subprocess.run([clang, *words, "-c", "-o", "clang.o"], cwd=folder, check=True)
    return (folder / "clang.o").read_bytes()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def group_lives(leader: int) -> bool:
    """Is any process of this group alive? The dead that nobody reaped do not count."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, group = path.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(group) == leader and state != "Z":
            return True
    return False
