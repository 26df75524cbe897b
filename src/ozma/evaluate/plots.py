"""Gain against compiles and against seconds as SVG: lines with their 95 % bands; no library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError
from ozma.evaluate.gain import ORACLE

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 640, 48, 366
_COLOURS = (
    "#3b6ea5", "#c05a2e", "#3f8f5b", "#8458a8", "#b3912c", "#c2477f", "#3c9aa8", "#7a6a5a",
    "#5a5f73", "#9aa02e",
)  # fmt: skip
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:currentColor}.title{font-size:16px;font-weight:600}"
    ".grid{stroke:currentColor;stroke-opacity:.15}.line{fill:none;stroke-width:2}"
    ".band{fill-opacity:.12}.bound{stroke:currentColor;stroke-dasharray:5 4;fill:none}"
    "svg{color:#222;background:transparent}@media(prefers-color-scheme:dark){svg{color:#ddd}}"
)
Series = Mapping[str, Sequence[Sequence[float]]]
"""name -> (value, low, high) at each x; shares."""


def line_chart(
    title: str, axis: str, xs: Sequence[float], series: Series, bound: float | None = None
) -> str:
    """A complete SVG document; x on a logarithmic axis, y in percent, `bound` a dashed line."""
    chart = _Chart(xs, series, bound)
    lines = "".join(
        chart.line(place, name, points) for place, (name, points) in enumerate(series.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>'
        f'<text class="title" x="8" y="24">{escape(title)}</text>{chart.grid()}'
        f'<text x="{(_LEFT + _RIGHT) // 2}" y="{_HEIGHT - 12}" text-anchor="middle">'
        f"{escape(axis)}</text>{chart.bound_line()}{lines}</svg>\n"
    )


class _Chart:
    def __init__(self, xs: Sequence[float], series: Series, bound: float | None) -> None:
        self._xs, self._bound = xs, bound
        values = [value for points in series.values() for value, _, _ in points]
        values += [0.0] if bound is None else [0.0, bound]
        self._low, self._high = min(values), max(max(values), min(values) + 1e-6)
        ends = sorted(((points[-1][0], name) for name, points in series.items()), reverse=True)
        self._label_y = self._spread(ends)

    def _spread(self, ends: Sequence[tuple[float, str]]) -> dict[str, float]:
        """Places of the names at the right, 15 apart at least."""
        places, above = {}, -math.inf
        for value, name in ends:
            above = places[name] = max(self._y(value) + 4, above + 15)
        return places

    def _x(self, value: float) -> float:
        first, last = math.log(self._xs[0]), math.log(self._xs[-1])
        share = (math.log(value) - first) / (last - first) if last > first else 0.5
        return round(_LEFT + (_RIGHT - _LEFT) * share, 1)

    def _y(self, value: float) -> float:
        inside = min(max(value, self._low), self._high)
        share = (inside - self._low) / (self._high - self._low)
        return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)

    def grid(self) -> str:
        parts = []
        for quarter in range(5):
            value = self._low + (self._high - self._low) * quarter / 4
            y = self._y(value)
            parts.append(
                f'<path class="grid" d="M{_LEFT} {y}H{_RIGHT}"/><text x="{_LEFT - 6}" y="{y + 4}" '
                f'text-anchor="end">{100 * value:.2f} %</text>'
            )
        for x in self._xs:
            place = self._x(x)
            parts.append(f'<text x="{place}" y="{_BOTTOM + 20}" text-anchor="middle">{x:g}</text>')
        return "".join(parts)

    def bound_line(self) -> str:
        if self._bound is None:
            return ""
        y = self._y(self._bound)
        return (
            f'<path class="bound" d="M{_LEFT} {y}H{_RIGHT}"/>'
            f'<text x="{_LEFT + 4}" y="{y - 6}">best list of the pack</text>'
        )

    def line(self, place: int, name: str, points: Sequence[Sequence[float]]) -> str:
        colour = _COLOURS[place % len(_COLOURS)]
        xs = [self._x(x) for x in self._xs]
        path = " ".join(f"{x},{self._y(p[0])}" for x, p in zip(xs, points, strict=True))
        there = [f"{x},{self._y(p[1])}" for x, p in zip(xs, points, strict=True)]
        back = [f"{x},{self._y(p[2])}" for x, p in zip(xs, points, strict=True)]
        return (
            f'<polygon class="band" fill="{colour}" points="{" ".join(there + back[::-1])}"/>'
            f'<polyline class="line" stroke="{colour}" points="{path}"/>'
            f'<text x="{_RIGHT + 8}" y="{self._label_y[name]}" style="fill:{colour}">'
            f"{escape(name)}</text>"
        )


def gain_plots(facts: dict[str, Any]) -> dict[str, str]:
    """File stem -> SVG, for each kind: against compiles, and against seconds where measured."""
    plots = {}
    for table in facts["tables"]:
        stem = table["kind"] + ("-far" if table.get("without_near_duplicates") else "")
        oracle = table["policies"].get(ORACLE)
        bound = oracle["sum"][-1][0] if oracle else None
        for measure, axis, xs in (
            ("sum", "measured candidates", facts["compiles"]),
            ("sum_at_seconds", "seconds of processor time a module", facts["seconds"]),
        ):
            rows = _lines(table, measure, len(xs))
            if rows:
                title = f"bytes saved over clang -Oz, {table['modules']:,} {table['kind']}s"
                name = f"{stem}-{'compiles' if measure == 'sum' else 'seconds'}"
                plots[name] = line_chart(title, axis, xs, rows, bound)
    return plots


def _lines(table: dict[str, Any], measure: str, count: int) -> dict[str, list]:
    """Without the oracle, and without the column of the one answer alone."""
    return {
        name: policy[measure][-count:]
        for name, policy in table["policies"].items()
        if name != ORACLE and measure in policy
    }


def write_plots(folder: Path, plots: Mapping[str, str]) -> list[Path]:
    """Writes each SVG and a page that shows all; OzmaError when the folder refuses."""
    pictures = "".join(f"<figure>{svg}</figure>" for svg in plots.values())
    page = (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Gain over clang -Oz</title><style>figure{max-width:900px;margin:2em auto}</style>"
        f"{pictures}\n"
    )
    texts = {f"{name}.svg": svg for name, svg in plots.items()} | {"gain.html": page}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise OzmaError(f"cannot write plots into {folder}: {error.strerror}") from error
    return [folder / name for name in texts]
