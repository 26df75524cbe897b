"""The table of `relift.py`, from its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from outcomes import shortened

from ozma.evaluate.records import Row


def render(rows: Sequence[Row]) -> str:
    """The table, from records."""
    heads = ["program", "functions", "replaced", "identical", "same behaviour", "code that ran",
             "kept", "wrong", "its tests, with these"]  # fmt: skip
    lines = [_line(heads), _line(["---"] * len(heads)), *map(_line, map(_cells, rows))]
    total = Counter(one["how"] for row in rows for one in row["functions"])
    good = sum(row["tests"]["outcome"] == "passed" for row in rows)
    lines.append(_line(["all", *_counts(total), "", f"{total['kept']:,}", f"{total['wrong']}", f"{good} of {len(rows)} pass"]))
    reasons = Counter(shortened(_cause(one)) for row in rows for one in row["functions"] if one["how"] == "kept")
    kept = [f"* {count} kept: {why}" for why, count in reasons.most_common(15)]
    wrong = [
        f"* wrong: {one['name']} in {row['package']}'s {one['source']} ({one['reason']})"
        for row in rows for one in row["functions"] if one["how"] == "wrong"
    ]  # fmt: skip
    return "\n".join([*lines, "", *wrong, *kept]) + "\n"


def _cause(one: dict) -> str:
    """What a function was kept for, without its own names."""
    kind, _, rest = one["reason"].partition(": ")
    if kind == "disagrees":
        return "its program shows another signature"
    return f"{kind}: {rest.rpartition(': ')[2] if kind == 'failed' else shortened(rest)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _counts(how: Counter) -> list[str]:
    replaced = how["identical"] + how["same"]
    return [f"{how.total():,}", f"{replaced:,} ({100 * replaced / max(how.total(), 1):.1f} %)",
            f"{how['identical']:,}", f"{how['same']:,}"]  # fmt: skip


def _cells(row: Row) -> list[str]:
    how = Counter(one["how"] for one in row["functions"])
    ran = [one["covered"] for one in row["functions"] if one["how"] == "same"]
    tests = row["tests"]
    count = f", {tests['count']} tests" if tests["count"] else ""
    return [
        f"{row['package']} {row['package_version']}", *_counts(how),
        f"{100 * sum(ran) / len(ran):.0f} %" if ran else "", f"{how['kept']:,}", f"{how['wrong']}",
        f"{tests['outcome']}{count}",
    ]  # fmt: skip
