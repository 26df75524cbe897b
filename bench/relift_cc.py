"""A compiler that collects the assembly that clang makes, or puts lifted functions in its place.

Called as `relift_cc.py STORE COMPILER ARGUMENTS...` by the scripts that relift.py writes. STORE/mode says
what is done: off (the compiler alone), collect, or replace.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C")
_WITH_VALUE = ("-o", "-MF", "-MT", "-MQ", "-I", "-include", "-isystem", "-idirafter", "-D", "-U", "-L", "-Xclang")
_NOT_OURS = ("-E", "-S", "-M", "-MM", "-fsyntax-only", "-x", "-flto")


def main(words: list[str]) -> int:
    store, compiler, *arguments = words
    with open(f"{store}/mode", encoding="ascii") as file:
        mode = file.read().strip()
    sources = list(_sources(arguments))
    if mode == "off" or not sources or any(word in _NOT_OURS for word in arguments):
        return subprocess.call([compiler, *arguments])
    unit = _Unit(store, compiler, mode)
    if "-c" in arguments:
        output = _value(arguments, "-o")
        return max(unit.compile(arguments, s, sources, output or _stem(s) + ".o") for s in sources)
    return _compile_and_link(unit, compiler, arguments, sources)


def _sources(arguments: list[str]):
    for before, word in zip(["", *arguments], arguments):
        if word.endswith(_SOURCES) and not word.startswith("-") and before not in _WITH_VALUE:
            yield word


def _value(arguments: list[str], name: str) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments[:-1] else None


def _stem(source: str) -> str:
    return os.path.splitext(os.path.basename(source))[0]


def _compile_and_link(unit: _Unit, compiler: str, arguments: list[str], sources: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        objects = {s: f"{folder}/{n}-{_stem(s)}.o" for n, s in enumerate(sources)}
        for source, made in objects.items():
            if code := unit.compile([*arguments, "-c"], source, sources, made):
                return code
        return subprocess.call([compiler, *(objects.get(word, word) for word in arguments)])


class _Unit:
    def __init__(self, store: str, compiler: str, mode: str) -> None:
        self._store, self._compiler, self._mode = store, compiler, mode

    def compile(self, arguments: list[str], source: str, sources: list[str], output: str) -> int:
        """One source to an object by way of its assembly; the compiler's exit code."""
        with tempfile.TemporaryDirectory() as folder:
            text = f"{folder}/unit.s"
            words = _to_assembly(arguments, source, sources, output, text)
            if code := subprocess.call([self._compiler, *words]):
                return code
            with open(text, "rb") as file:
                data = file.read()
            key = hashlib.blake2b(data, digest_size=8).hexdigest()
            replaced = f"{self._store}/replaced/{key}.s"
            if self._mode == "collect":
                shutil.copyfile(text, f"{self._store}/units/{key}.s")
            elif os.path.exists(replaced):
                text = replaced
            self._note(key, source, text == replaced)
            return subprocess.call([self._compiler, "-c", text, "-o", output])

    def _note(self, key: str, source: str, replaced: bool) -> None:
        row = {"unit": key, "source": os.path.realpath(source), "replaced": replaced}
        with open(f"{self._store}/{self._mode}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _to_assembly(
    arguments: list[str], source: str, sources: list[str], output: str, text: str
) -> list[str]:
    """Without debug information, and with dependencies that name the object."""
    kept, skip = [], False
    for word in arguments:
        if skip or word == "-o":
            skip = not skip
        elif word != "-c" and (word not in sources or word == source):
            kept.append(word)
    if any(word in ("-MD", "-MMD") for word in kept):
        if "-MF" not in kept:
            kept += ["-MF", os.path.splitext(output)[0] + ".d"]
        if not any(word in ("-MT", "-MQ") for word in kept):
            kept += ["-MT", output]
    return [*kept, "-g0", "-S", "-o", text]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
