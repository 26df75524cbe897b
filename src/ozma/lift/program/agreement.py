"""Do the answers of one program agree on how its functions are called?

Each function is lifted alone, and its behaviour is checked under the signature that it was given.
What one overlooked another may show: a caller that uses a result, a callee that takes an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ozma.lift.emulator.signature import Callees, Signature

_INTEGER = re.compile(r"i(\d+)")
_KINDS = ("integer", "float")
Taken = dict[str, list[int]]
"""Kind -> bits of each argument."""


@dataclass(frozen=True)
class Disagreement:
    """`function` is the one whose answer cannot be trusted, and `why`."""

    function: str
    why: str


def disagreements(functions: Mapping[str, Callees]) -> Iterator[Disagreement]:
    """`functions`: name -> signatures in the module of its answer, its own among them. Calls of
    functions that are not there say nothing."""
    taken = _taken(functions)
    for caller, called, callee, defined in _calls(functions):
        yield from _between(caller, called, callee, defined, taken[callee])


def _calls(functions: Mapping[str, Callees]) -> Iterator[tuple[str, Signature, str, Signature]]:
    """(caller, the signature it calls with, callee, the callee's own)."""
    for caller, known in functions.items():
        for callee, called in known.items():
            defined = functions.get(callee, {}).get(callee)
            if callee != caller and defined is not None:
                yield caller, called, callee, defined


def _taken(functions: Mapping[str, Callees]) -> dict[str, Taken]:
    """What each function takes, by kind: its own parameters, and what it hands on unseen: a caller
    that passes fewer arguments than its callee takes may have been given the others."""
    own = {name: known[name].parameters for name, known in functions.items() if name in known}
    taken = {name: {kind: _widths(texts, kind) for kind in _KINDS} for name, texts in own.items()}
    growing = True
    while growing:
        growing = False
        for caller, called, callee, defined in _calls(functions):
            for kind in _KINDS if caller in taken and not called.variadic else ():
                wanted, has = taken[callee][kind], taken[caller][kind]
                if len(_widths(called.parameters, kind)) < len(wanted) > len(has):
                    taken[caller][kind] = [*has, *wanted[len(has) :]]
                    growing = True
    return taken


def _between(
    caller: str, called: Signature, callee: str, defined: Signature, takes: Taken
) -> Iterator[Disagreement]:
    if not _gives(defined.result, called.result):
        yield Disagreement(
            callee, f"{caller} uses a result {called.result}, it gives {defined.result}"
        )
    if called.variadic or defined.variadic:
        return
    for kind in _KINDS:
        passed, taken = _widths(called.parameters, kind), takes[kind]
        if len(passed) < len(taken):
            yield Disagreement(
                caller, f"it passes {len(passed)} {kind} arguments, {callee} takes {len(taken)}"
            )
        elif any(one < other for one, other in zip(passed, taken)):
            yield Disagreement(caller, f"it passes narrower arguments than {callee} takes")


def _gives(given: str, used: str) -> bool:
    if used == "void":
        return True
    if given == "void" or _kind(given) != _kind(used):
        return False
    return _kind(given) == "other" or _width(given) >= _width(used)


def _widths(parameters: tuple[str, ...], kind: str) -> list[int]:
    return [_width(text) for text in parameters if _kind(text) == kind]


def _kind(text: str) -> str:
    """The registers that a value comes in, as far as a word tells."""
    if "byval" in text or text.startswith(("{", "[", "<{")):
        return "other"
    return "integer" if text.startswith("ptr") or _INTEGER.match(text) else "float"


def _width(text: str) -> int:
    """Bits that count. Whoever makes 32 makes zeros above them, so 32 do for 64."""
    match = _INTEGER.match(text)
    return min(int(match.group(1)), 32) if match else 32
