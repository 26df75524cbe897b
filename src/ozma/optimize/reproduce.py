"""The commands that make the reported objects with nothing but the installed LLVM tools."""

from __future__ import annotations

import shlex

from ozma.llvm import Toolchain
from ozma.llvm.clang import FRONT_END_ONLY, driver
from ozma.llvm.opt import opt_words, relocates
from ozma.optimize.file import Optimized, compile_words

_SECTIONS = "/^\\.(text|data|rodata)(\\.|$| )/ { sum += $2 } END { print sum + 0 }"


def measuring_command(toolchain: Toolchain, path: str) -> str:
    """Bytes of all `.text*`, `.data*` and `.rodata*` sections."""
    size = toolchain.tool("llvm-size")
    return f"{size} -A {shlex.quote(path)} | awk '{_SECTIONS}'"


def commands(one: Optimized, toolchain: Toolchain) -> list[str]:
    """Shell lines: clang's object, unoptimized bitcode, the list, the object, both sizes."""
    words = compile_words(one.source, one.config)
    clang = driver(toolchain, one.source)
    source = str(one.source)
    lines = [shlex.join([clang, *words, source, "-o", "clang.o"])]
    if one.passes is None:
        return [*lines, measuring_command(toolchain, "clang.o")]
    front = [*words, *FRONT_END_ONLY, "-emit-llvm", source, "-o", "unoptimized.bc"]
    opt = opt_words(toolchain, one.passes, "unoptimized.bc", relocates(one.bitcode))
    back = ["-Xclang", "-disable-llvm-passes", "-x", "ir", "optimized.bc", "-o", "ours.o"]
    return [
        *lines,
        shlex.join([clang, *front]),
        shlex.join([*opt, "-o", "optimized.bc"]),
        shlex.join([clang, *_back_end_words(words), *back]),
        measuring_command(toolchain, "clang.o"),
        measuring_command(toolchain, "ours.o"),
    ]


def _back_end_words(words: list[str]) -> list[str]:
    """Without the language of the source: the input is bitcode from here on."""
    if "-x" not in words:
        return words
    place = words.index("-x")
    return words[:place] + words[place + 2 :]
