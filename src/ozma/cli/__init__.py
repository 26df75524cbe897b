"""The command line: one thin file per verb, imported only when the verb is used."""

from __future__ import annotations

import os
import sys

VERBS = {
    "optimize": "make an object smaller than clang -Oz: C, C++, LLVM-IR or bitcode in, object out",
    "cc": 'drop-in C compiler: CC="ozma cc" make',
    "c++": 'drop-in C++ compiler: CXX="ozma c++" make',
    "stats": "what cc and c++ did: bytes saved, what was passed through and why",
    "verify": "build with ozma cc, run your own tests, find the culprit if they fail",
    "tune": "search pass lists for given modules, with records that resume",
    "validate": "run pass lists through self-checking programs (PassListEval)",
    "pack": "show the shipped pass lists, or build a pack from tune's records",
    "corpus": "real programs to unoptimized IR: fetch, build, split, stats, export",
    "label": "labels of a corpus: sizes under each list, emulation, disassembly",
    "train": "train the language model: corpus and labels to tokens, recipes, export",
    "evaluate": "tables about models and their rivals: gain, sizes, emulation, perplexity",
    "emulate": "predict what a pass list makes of a file, without running it; --check compares",
    "disassemble": "assembly or an object to LLVM-IR that compiles back to it, with a verdict",
    "translate": "assembly of one machine to assembly of another, through lifted IR",
    "prompt": "show exactly what a model is sent for a file",
    "fetch": "fetch a package's sources by name from Debian or PyPI",
    "doctor": "show the LLVM releases found, their targets, and a self-test",
}
_BROKEN_PIPE = 141
_INTERRUPTED = 130
_FAILED = 100


def _usage() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items())
    return (
        "usage: ozma VERB [...]\n\n"
        "Pass lists that make binaries smaller than clang -Oz, never larger, and checked.\n\n"
        f"{verbs}\n\n"
        "ozma VERB --help explains a verb; ozma --version prints the version."
    )


def _run(verb: str, words: list[str]) -> int:
    if verb in ("cc", "c++"):
        from ozma.cli import cc

        return cc.main(words, cplusplus=verb == "c++")
    from importlib import import_module

    return import_module(f"ozma.cli.{verb}").main(words)


def main(words: list[str] | None = None) -> int:
    """Runs one verb; returns its exit code. Our own failures are 100 and above."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["help"] and words[1:2] and words[1] in VERBS:
        words = [words[1], "--ozma-help" if words[1] in ("cc", "c++") else "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if words[0] in ("-V", "--version"):
        from ozma import __version__

        print(f"ozma {__version__}")
        return 0
    if words[0] not in VERBS:
        print(f"ozma: error: unknown verb '{words[0]}'; {_advice(words[0])}", file=sys.stderr)
        return _FAILED
    return _guarded(words[0], words[1:])


def _advice(word: str) -> str:
    """The verb that was probably meant, or where they are listed."""
    from difflib import get_close_matches

    near = get_close_matches(word, VERBS, 1)
    return f"did you mean '{near[0]}'?" if near else "see `ozma --help`"


def _guarded(verb: str, words: list[str]) -> int:
    """Failures that a person can mend become one line; a closed pipe and Ctrl-C end quietly."""
    try:
        code = _run(verb, words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        sys.stderr.close()
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        print(f"ozma {verb}: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        from ozma.errors import OzmaError, of_system

        told = of_system(error)
        if not isinstance(told, OzmaError):
            raise
        print(f"ozma {verb}: error: {told}", file=sys.stderr)
        _drop_output()
        return told.exit_code


def _drop_output() -> None:
    """What standard output did not take is not tried again at exit, where Python would complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
