"""Which translation units make a project's own tests fail? Delta debugging over whole builds."""

from __future__ import annotations

from typing import Callable, Hashable, Sequence, TypeVar

Item = TypeVar("Item", bound=Hashable)
Fails = Callable[[Sequence[Item]], bool]
"""True if the tests fail when exactly these items are optimized."""


def _chunks(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """`count` runs of nearly equal length; fewer if there are fewer items."""
    count = min(count, len(items))
    bounds = [len(items) * i // count for i in range(count + 1)]
    return [items[low:high] for low, high in zip(bounds, bounds[1:])]


def minimal_failing(items: Sequence[Item], fails: Fails) -> list[Item]:
    """A subset that fails and of which no single item can be left out (Zeller's ddmin).

    `items` must fail as a whole. With one guilty item this is a binary search: about log2(n)
    to 2 log2(n) calls.
    """
    current, count = list(items), 2
    while len(current) > 1:
        chunks = _chunks(current, count)
        failing = next((chunk for chunk in chunks if fails(chunk)), None)
        if failing is not None:
            current, count = list(failing), 2
            continue
        rest = _failing_complement(current, chunks, fails) if len(chunks) > 2 else None
        if rest is not None:
            current, count = rest, max(len(chunks) - 1, 2)
        elif len(chunks) == len(current):
            break
        else:
            count = 2 * len(chunks)
    return current


def _failing_complement(
    items: list[Item], chunks: list[Sequence[Item]], fails: Fails
) -> list[Item] | None:
    for chunk in chunks:
        left_out = set(chunk)
        rest = [item for item in items if item not in left_out]
        if fails(rest):
            return rest
    return None


def all_guilty(items: Sequence[Item], fails: Fails) -> list[Item]:
    """Items to leave out so that the rest passes; `items` as a whole must fail.

    Of items that only fail together all are left out: which of them is wrong, tests cannot tell.
    """
    remaining, guilty = list(items), []
    while remaining:
        culprits = minimal_failing(remaining, fails)
        guilty += culprits
        remaining = [item for item in remaining if item not in set(culprits)]
        if not remaining or not fails(remaining):
            break
    return guilty


def remembered(fails: Fails) -> Fails:
    """The same question asked twice costs one build."""
    known: dict[frozenset, bool] = {}

    def ask(items: Sequence[Item]) -> bool:
        key = frozenset(items)
        if key not in known:
            known[key] = fails(items)
        return known[key]

    return ask
