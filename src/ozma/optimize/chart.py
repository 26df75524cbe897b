"""Size by pass as an inline SVG: stairs, the line of clang's object, a tooltip per step."""

from __future__ import annotations

from html import escape
from typing import Sequence

from ozma.optimize.trace import Step

_WIDTH, _HEIGHT = 960, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 856, 34, 284
_LABELS = 4
_LABEL_ROOM = 190


def size_chart(steps: Sequence[Step], baseline: int, level: str) -> str:
    """`steps` in order; those without a size are left out. Text sizes are set in the style sheet."""
    points = [step for step in steps if step.size is not None]
    if len(points) < 2:
        return ""
    chart = _Chart(points, baseline)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Object size after each pass, in bytes">{chart.grid()}'
        f'<path class="stairs" d="{chart.stairs()}"/>{chart.limit(level)}{chart.dots()}'
        f"{chart.labels()}</svg>"
    )


class _Chart:
    def __init__(self, points: Sequence[Step], baseline: int) -> None:
        self._points, self._baseline = points, baseline
        sizes = [step.size for step in points] + [baseline]
        self._low, self._high = min(sizes), max(max(sizes), min(sizes) + 1)

    def _x(self, index: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * index / len(self._points), 1)

    def _y(self, size: float) -> float:
        share = (size - self._low) / (self._high - self._low)
        return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)

    def grid(self) -> str:
        lines = []
        for quarter in range(5):
            size = self._low + (self._high - self._low) * quarter / 4
            y = self._y(size)
            lines.append(f'<path class="grid" d="M{_LEFT} {y}H{_RIGHT}"/>')
            if quarter in (0, 4):
                lines.append(
                    f'<text class="axis" x="{_WIDTH - 4}" y="{y + 5}" text-anchor="end">'
                    f"{size:,.0f}</text>"
                )
        return "".join(lines)

    def stairs(self) -> str:
        start = f"M{self._x(0)} {self._y(self._points[0].size)}"
        moves = (f"V{self._y(s.size)}H{self._x(i + 1)}" for i, s in enumerate(self._points))
        return start + "".join(moves)

    def limit(self, level: str) -> str:
        y = self._y(self._baseline)
        return (
            f'<path class="limit" d="M{_LEFT} {y}H{_RIGHT}"/>'
            f'<text class="limit-text" x="{_LEFT + 4}" y="{y - 6}">'
            f"clang {escape(level)}: {self._baseline:,}</text>"
        )

    def dots(self) -> str:
        return "".join(self._dot(index, step) for index, step in enumerate(self._points))

    def _dot(self, index: int, step: Step) -> str:
        kind = "gain" if step.change < 0 else "loss" if step.change > 0 else "same"
        tip = f"{step.number}. {step.name}: {step.size:,} bytes ({step.change:+,})"
        x, y = self._x(index + 0.5), self._y(step.size)
        return f'<circle class="{kind}" cx="{x}" cy="{y}" r="4"><title>{escape(tip)}</title></circle>'

    def labels(self) -> str:
        """Names at the largest drops that leave room for each other."""
        drops = sorted(enumerate(self._points), key=lambda entry: entry[1].change)[:_LABELS]
        placed = [(_LEFT, self._y(self._baseline) - 6)]
        texts = []
        for index, step in drops:
            x, y = self._x(index + 0.5), self._y(step.size) - 12
            near = any(abs(x - a) < _LABEL_ROOM and abs(y - b) < 22 for a, b in placed)
            if step.change >= 0 or near:
                continue
            placed.append((x, y))
            anchor = "start" if x < _RIGHT - _LABEL_ROOM else "end"
            texts.append(
                f'<text class="label" x="{x}" y="{y}" text-anchor="{anchor}">'
                f"{escape(step.name)} {step.change:,}</text>"
            )
        return "".join(texts)
