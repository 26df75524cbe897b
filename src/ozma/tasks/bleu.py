"""BLEU-4 of one text against one reference: Papineni et al. 2002, one sentence, no smoothing.

The paper does not say how it splits assembly into tokens, so two ways are measured and the lower
figure is quoted.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

ORDERS = 4
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[.%$@A-Za-z_][\w.$@]*|\d\w*|\n|[^\s\w]')


def assembly_tokens(text: str) -> list[str]:
    """Names with their sigil (`%rax`, `.LBB0_1`), numbers, strings, single marks, and line ends."""
    return _TOKEN.findall(text)


def plain_tokens(text: str) -> list[str]:
    """What stands between white space."""
    return text.split()


def bleu(answer: Sequence[str], reference: Sequence[str]) -> float:
    """0 to 1: geometric mean of clipped n-gram precisions, n = 1 to 4, times the brevity penalty.

    Without smoothing: one order without a match gives 0. A reference shorter than four tokens has
    only as many orders. An empty answer is worth 0, unless nothing was asked for.
    """
    if not reference or not answer:
        return float(not reference and not answer)
    logs = []
    for order in range(1, min(ORDERS, len(reference)) + 1):
        matched, total = _matches(answer, reference, order)
        if not matched:
            return 0.0
        logs.append(math.log(matched / total))
    penalty = min(0.0, 1 - len(reference) / len(answer))
    return math.exp(penalty + sum(logs) / len(logs))


def _matches(answer: Sequence[str], reference: Sequence[str], order: int) -> tuple[int, int]:
    """(n-grams of the answer that the reference has too, n-grams of the answer)"""
    ours, theirs = _grams(answer, order), _grams(reference, order)
    return sum((ours & theirs).values()), sum(ours.values())


def _grams(tokens: Sequence[str], order: int) -> Counter:
    return Counter(zip(*(tokens[start:] for start in range(order))))


def assembly_bleu(answer: str, reference: str) -> tuple[float, float]:
    """BLEU by `assembly_tokens` and by `plain_tokens`. Quote the lower."""
    return (
        bleu(assembly_tokens(answer), assembly_tokens(reference)),
        bleu(plain_tokens(answer), plain_tokens(reference)),
    )
