"""Facts as text tables: policies in rows, numbers of compiles or seconds in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ozma.evaluate.gain import ORACLE

_NAME, _CELL = 24, 23
_MEASURES = (
    ("sum", "bytes saved of all bytes, %"),
    ("mean", "mean of the shares that single modules save, %"),
    ("improved", "modules that become smaller, %"),
)


def render_gain(facts: dict[str, Any]) -> str:
    """All tables of `gain_report.gain_facts`."""
    parts = [_of_kind(table, facts) for table in facts["tables"]]
    return "\n\n".join(part for lines in parts for part in lines)


def _of_kind(table: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    counted = _Counted(table, facts["compiles"])
    parts = [_head(table)]
    for measure, title in _MEASURES:
        rows = {name: policy[measure] for name, policy in table["policies"].items()}
        parts.append(counted.table(title, rows))
    if "of_oracle" in table:
        title = "share of what the best list of the pack saves on each module, %"
        parts.append(counted.table(title, _without(table["of_oracle"], ORACLE)))
    if "lead" in table:
        rows = _without(table["lead"], "over", table["lead"]["over"], ORACLE)
        title = f"bytes saved more than by '{table['lead']['over']}', % of all bytes"
        parts.append(counted.table(title, rows))
    parts += _timed(table, facts["seconds"])
    return parts + [_tuner(one, counted) for one in table["tuners"] if one["modules"]]


class _Counted:
    """Tables whose columns are numbers of candidates; empty beyond what a policy has tried."""

    def __init__(self, table: dict[str, Any], compiles: Sequence[int]) -> None:
        self._columns = ["one, no backup", *(f"k = {count}" for count in compiles)]
        self._before = [0, 0, *compiles[:-1]]
        self._tried = {name: policy["tried"] for name, policy in table["policies"].items()}

    def table(self, title: str, rows: dict[str, list]) -> str:
        return _table(title, self._columns, {n: self._shown(n, v) for n, v in rows.items()})

    def _shown(self, name: str, values: Sequence) -> list:
        pairs = zip(values, self._before, strict=True)
        return [value if before < max(self._tried[name], 1) else None for value, before in pairs]


def _timed(table: dict[str, Any], seconds: Sequence[float]) -> list[str]:
    """Against seconds, where costs were measured; and what choosing took."""
    policies = _without(table["policies"], ORACLE)
    rows = {n: p["sum_at_seconds"] for n, p in policies.items() if "sum_at_seconds" in p}
    columns = [f"{limit:g} s" for limit in seconds]
    title = "bytes saved within so much processor time a module (choosing and measuring), %"
    times = ", ".join(f"{name} {1e3 * facts['seconds']:.2f}" for name, facts in policies.items())
    choosing = f"processor time to choose, ms a module: {times}"
    return [*([_table(title, columns, rows)] if rows else []), choosing]


def _head(table: dict[str, Any]) -> str:
    near = ", without near-duplicates of training" if table.get("without_near_duplicates") else ""
    lines = [
        f"{table['kind']}s of the {table['split']} group{near}: {table['modules']:,} of "
        f"{table['projects']} projects, {table['bytes']:,} bytes of .text + .data + .rodata under "
        "clang -Oz",
        f"labels {table['set']}; [95 % intervals]: bootstrap over projects",
        "k candidates are measured and the smallest object is kept, clang's own where none is",
        "smaller; 'one, no backup' is the one answer as it is",
    ]
    if table["left_out"]:
        left = ", ".join(f"{name} {count:,}" for name, count in table["left_out"].items())
        lines.append(f"records of modules that not every policy has are left out: {left}")
    return "\n".join(lines)


def _table(title: str, columns: Sequence[str], rows: dict[str, list]) -> str:
    head = f"{'':<{_NAME}}" + "".join(f"{column:>{_CELL}}" for column in columns)
    lines = [f"{name:<{_NAME}}" + "".join(map(_cell, values)) for name, values in rows.items()]
    return "\n".join([title, head, *lines])


def _cell(estimate: Sequence[float] | None) -> str:
    if estimate is None:
        return f"{'–':>{_CELL}}"
    value, low, high = (100 * number for number in estimate)
    return f"{f'{value:.2f} [{low:.2f} {high:.2f}]':>{_CELL}}"


def _without(rows: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values for name, values in rows.items() if name not in names}


def _tuner(tuner: dict[str, Any], counted: _Counted) -> str:
    value, low, high = (100 * number for number in tuner["sum"])
    title = (
        f"share of what {tuner['policy']} saves, % ({tuner['modules']:,} modules of "
        f"{tuner['projects']} projects; {tuner['compiles']:,} compiles each save "
        f"{value:.2f} % [{low:.2f} {high:.2f}])"
    )
    return counted.table(title, tuner["share"])
