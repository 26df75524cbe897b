"""The report as a person reads it."""

from __future__ import annotations

from typing import Any

_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100)
_TOP = 12


def render(facts: dict[str, Any]) -> str:
    """Tables of what `report` found."""
    parts = [_dense(one) for one in facts["flags"]]
    parts += [_search(one) for one in facts["search"]]
    parts += [_pairs(one) for one in facts["pairs"]]
    return "\n\n".join(parts)


def _dense(facts: dict[str, Any]) -> str:
    lines = [
        f"{facts['set']}: {facts['kind']}s, {facts['lists']} lists, "
        f"{facts['evaluations']:,} evaluations, {facts['failures']:,} of them without code, "
        f"{facts['problems']:,} modules refused",
        "bytes of .text + .data + .rodata against clang -Oz; best of all lists, or clang's own",
        *_groups("split", facts["splits"]),
        "",
        *_curve(facts["curve"]),
        "",
        *_groups("IR instructions", facts["by_size"]),
        "",
        *_groups("language", facts["by_language"]),
        "",
        "most often best: " + _most_often(facts),
    ]
    return "\n".join(lines)


def _groups(title: str, groups: dict[str, dict[str, Any]]) -> list[str]:
    head = f"{title:<18}{'modules':>10}{'bytes':>14}{'saved':>9}{'mean':>9}{'improved':>10}"
    return [head] + [
        f"{name:<18}{one['count']:>10,}{one['bytes']:>14,}{one['share']:>9.2%}"
        f"{one['mean_share']:>9.2%}{one['improved']:>10.1%}"
        for name, one in groups.items()
    ]


def _curve(curve: dict[str, list[float]]) -> list[str]:
    """Gain of the best of the first N lists; the order is learnt on training modules."""
    splits = list(curve)
    lines = [f"{'best of N lists':<18}" + "".join(f"{split:>12}" for split in splits)]
    longest = len(curve[splits[0]])
    for count in [n for n in _STEPS if n < longest] + ([longest] if longest else []):
        shares = "".join(f"{curve[split][count - 1]:>12.2%}" for split in splits)
        lines.append(f"{count:<18}{shares}")
    return lines


def _most_often(facts: dict[str, Any]) -> str:
    total = sum(facts["times_best"].values())
    top = list(facts["times_best"].items())[: _TOP + 1]
    names = {"-1": "clang's own"}
    return ", ".join(f"{names.get(i, 'list ' + i)} {count / total:.1%}" for i, count in top)


def _search(facts: dict[str, Any]) -> str:
    if not facts["modules"]:
        return f"{facts['set']}: nothing searched"
    stages = ("pack", "search", "pack_and_search", "with_broadcast")
    return (
        f"{facts['set']}: {facts['modules']:,} modules, {facts['evaluations']:,} "
        f"evaluations\nsaved "
        + ", ".join(f"{stage.replace('_', ' ')} {facts[stage]['share']:.2%}" for stage in stages)
        + "\n"
        f"{facts['length_found']} passes in a winner, {facts['length_minimized']} when minimized, "
        f"{facts['different_winners']:,} different lists; not checked"
    )


def _pairs(facts: dict[str, Any]) -> str:
    failed = ", ".join(f"{name} {count:,}" for name, count in facts["failed"].items())
    return f"{facts['set']}: {facts['pairs']:,} pairs; not used: {failed or 'none'}"
