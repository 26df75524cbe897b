"""What to ask when a module may be longer than the window: whole, function by function, or cut.

Nothing is ever cut inside a function: what does not fit is left out, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Tokens that a model sees at once, of which `answer` are kept free for its answer."""

    context: int
    answer: int

    def __post_init__(self) -> None:
        if not 0 < self.answer < self.context:
            raise ValueError(f"answer is {self.answer}: give 1 to {self.context - 1} tokens")

    @property
    def prompt(self) -> int:
        return self.context - self.answer

    def fits(self, tokens: int) -> bool:
        return tokens <= self.prompt


@dataclass(frozen=True)
class Piece:
    """One prompt. `functions`: those that it holds; empty for a whole module."""

    prompt: str
    tokens: int
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Prompts that fit, and the functions that are in none. `whole`: tokens of the whole module's
    prompt, `functions` how many it has."""

    pieces: tuple[Piece, ...]
    left_out: tuple[str, ...]
    whole: int
    functions: int
    window: Window

    def __str__(self) -> str:
        """One sentence for the user."""
        if self.pieces and not self.pieces[0].functions:
            return f"the module is asked whole ({self.whole:,} tokens)"
        too_long = f"the module's prompt has {self.whole:,} tokens, {self.window.prompt:,} fit: "
        asked = sum(len(piece.functions) for piece in self.pieces)
        how = "function by function" if len(self.pieces) > 1 else "cut at a function's end"
        text = f"{too_long}it is asked {how}, {asked:,} of {self.functions:,} functions"
        if not self.pieces:
            text = (
                f"{too_long}it is not asked, none of its {self.functions:,} functions fits either"
            )
        elif self.left_out:
            text += f"; too long alone or left over: {_names(self.left_out)}"
        return text


def plan(
    window: Window,
    count: Callable[[str], int],
    module_prompt: str,
    functions: Iterable[tuple[str, str]],
) -> Plan:
    """The whole module if its prompt fits; else each function alone, those that fit.

    `count` gives the tokens of a prompt; `functions` are (name, prompt of the function alone) and
    are only asked for when the module is too long.
    """
    whole = count(module_prompt)
    if window.fits(whole):
        return Plan((Piece(module_prompt, whole),), (), whole, 0, window)
    pieces, left_out = [], []
    for name, prompt in functions:
        tokens = count(prompt)
        if window.fits(tokens):
            pieces.append(Piece(prompt, tokens, (name,)))
        else:
            left_out.append(name)
    return Plan(tuple(pieces), tuple(left_out), whole, len(pieces) + len(left_out), window)


def cut(
    window: Window,
    count: Callable[[str], int],
    names: Sequence[str],
    prompt_of: Callable[[Sequence[str]], str],
) -> Plan:
    """One prompt with as many of the first functions as fit: for one answer about a long module.

    `names` in order of importance; `prompt_of(some)` is the prompt of a module that defines these
    and declares the rest. A longer list must not make a shorter prompt.
    """
    everything = prompt_of(names)
    whole = count(everything)
    if window.fits(whole):
        return Plan((Piece(everything, whole),), (), whole, len(names), window)
    low, high = 0, len(names)
    while high - low > 1:
        middle = (low + high) // 2
        if window.fits(count(prompt_of(names[:middle]))):
            low = middle
        else:
            high = middle
    kept = tuple(names[:low])
    prompt = prompt_of(kept) if kept else ""
    pieces = (Piece(prompt, count(prompt), kept),) if kept else ()
    return Plan(pieces, tuple(names[low:]), whole, len(names), window)


def _names(names: Sequence[str], shown: int = 5) -> str:
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest:,} more" if rest > 0 else "")
