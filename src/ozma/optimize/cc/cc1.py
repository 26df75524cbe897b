"""clang's own compile step, as its driver prints it with `-###`, and the two steps made from it.

The `-cc1` command is clang's answer to all questions of defaults, targets and environment, so the
object of our steps can differ from clang's in the passes that ran, and in nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator, Sequence

LANGUAGES = ("c", "c++", "cpp-output", "c++-cpp-output", "ir")
LEVELS = ("-Os", "-Oz")

_SIDE_OUTPUTS = {  # option: words that follow it
    "-emit-obj": 0,
    "-o": 1,
    "-x": 1,
    "-dependency-file": 1,
    "-dependency-dot": 1,
    "-MT": 1,
    "-MP": 0,
    "-MG": 0,
    "-H": 0,
    "-sys-header-deps": 0,
    "-module-file-deps": 0,
    "-header-include-file": 1,
    "-diagnostic-log-file": 1,
    "-serialize-diagnostic-file": 1,
    "-ftime-report": 0,
    "-print-stats": 0,
}
_PREPROCESSOR = dict.fromkeys(
    """-D -U -I -F -isystem -internal-isystem -internal-externc-isystem -c-isystem -cxx-isystem
    -iquote -idirafter -iprefix -iwithprefix -iwithprefixbefore -isysroot -include -include-pch
    -imacros -main-file-name""".split(),
    1,
)
_JOINED = ("-D", "-U", "-I")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_JOB = re.compile(rf"^(?: {_WORD.pattern}){{2,}}$", re.DOTALL | re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Unsupported(Exception):
    """The command is not one that we improve; the message is a short reason that is counted."""


@dataclass(frozen=True)
class CompileStep:
    """One `clang -cc1` command: `words` holds everything but the input, output and language."""

    compiler: str
    words: tuple[str, ...]
    source: str
    output: str
    language: str

    @property
    def level(self) -> str:
        return [word for word in self.words if word.startswith("-O")][-1]

    @property
    def triple(self) -> str:
        return self.words[self.words.index("-triple") + 1]

    @property
    def backend_options(self) -> tuple[str, ...]:
        """What the user gave to LLVM itself with -mllvm."""
        words = self.words
        return tuple(words[i + 1] for i in range(len(words) - 1) if words[i] == "-mllvm")

    @property
    def codegen_words(self) -> tuple[str, ...]:
        """The words that still mean something once the input is IR: also part of the cache key."""
        return tuple(_without(self.words, _PREPROCESSOR, _JOINED))

    def front_end(self, output: str) -> list[str]:
        """Command that writes unoptimized bitcode."""
        kind = ["-emit-llvm-bc", "-emit-llvm-uselists", "-disable-llvm-passes", "-w"]
        tail = ["-o", output, "-x", self.language, self.source]
        return [self.compiler, "-cc1", *self.words, *kind, *tail]

    def code_generation(self, bitcode: str, output: str) -> list[str]:
        """Command that turns optimized bitcode into an object, running no IR pass."""
        kind = ["-emit-obj", "-disable-llvm-passes", "-w"]
        tail = ["-o", output, "-x", "ir", bitcode]
        return [self.compiler, "-cc1", *self.codegen_words, *kind, *tail]


def _without(
    words: Sequence[str], dropped: dict[str, int], joined: tuple[str, ...] = ()
) -> Iterator[str]:
    position = 0
    while position < len(words):
        word = words[position]
        if word in dropped:
            position += dropped[word]
        elif word == "-mllvm":
            yield from words[position : position + 2]
            position += 1
        elif not word.startswith(joined or ("\0",)):
            yield word
        position += 1


def _value(words: list[str], option: str) -> str:
    if option not in words:
        raise Unsupported("compile step not understood")
    return words[len(words) - words[::-1].index(option)]


def _step(command: str) -> CompileStep:
    compiler, *words = (_ESCAPED.sub(r"\1", word) for word in _WORD.findall(command))
    if words.pop(0) != "-cc1":
        raise Unsupported("more than a compile step")
    language = _value(words, "-x")
    if language not in LANGUAGES:
        raise Unsupported("other language")
    if "-emit-obj" not in words:
        raise Unsupported("external assembler")
    kept = tuple(_without(words[:-1], _SIDE_OUTPUTS))
    step = CompileStep(compiler, kept, words[-1], _value(words, "-o"), language)
    if "-triple" not in step.words or not any(word.startswith("-O") for word in step.words):
        raise Unsupported("compile step not understood")
    if step.level not in LEVELS:
        raise Unsupported("other optimization level")
    return step


def read_steps(text: str) -> list[CompileStep]:
    """Compile steps of `clang -###` output; Unsupported unless every job is a plain compile."""
    steps = [_step(job.group()) for job in _JOB.finditer(text)]
    if not steps:
        raise Unsupported("no compile step")
    return steps


def read_version(text: str) -> str:
    """Release number from the first line of `clang -###` output."""
    match = re.search(r"version (\d+\.\d+\.\d+)", text)
    return match.group(1) if match else "unknown"
