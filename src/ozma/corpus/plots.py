"""Plots of a corpus as SVG files: bars only, so no plotting library is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from ozma.corpus.stats import CorpusSizes
from ozma.errors import OzmaError

_WIDTH, _BAR, _GAP, _LABEL, _TOP = 860, 18, 4, 330, 40
_REASONS = 20
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:currentColor}"
    ".title{font-size:16px;font-weight:600}.bar{fill:#3b6ea5}"
    "svg{color:#222}@media(prefers-color-scheme:dark){svg{color:#ddd}.bar{fill:#7fb0e0}}"
)


def bar_chart(title: str, bars: Mapping[str, int]) -> str:
    """Horizontal bars in the given order, as a complete SVG document."""
    height = _TOP + len(bars) * (_BAR + _GAP) + _GAP
    most = max(bars.values(), default=1) or 1
    rows = [
        _bar(_TOP + place * (_BAR + _GAP), name, count, count / most)
        for place, (name, count) in enumerate(bars.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>'
        f'<text class="title" x="8" y="24">{escape(title)}</text>{"".join(rows)}</svg>\n'
    )


def _bar(y: int, name: str, count: int, share: float) -> str:
    room = _WIDTH - _LABEL - 90
    width = round(room * share, 1)
    text = y + _BAR - 5
    short = name if len(name) <= 46 else name[:45] + "…"
    return (
        f'<text x="{_LABEL - 8}" y="{text}" text-anchor="end">{escape(short)}</text>'
        f'<rect class="bar" x="{_LABEL}" y="{y}" width="{width}" height="{_BAR}"/>'
        f'<text x="{_LABEL + width + 6}" y="{text}">{count:,}</text>'
    )


def doubling_histogram(values: Iterable[int]) -> dict[str, int]:
    """Counts of values in 1, 2-3, 4-7, ... in order, empty ranges between included."""
    counts = Counter(max(value, 1).bit_length() - 1 for value in values)
    if not counts:
        return {}
    return {_range(power): counts[power] for power in range(min(counts), max(counts) + 1)}


def _range(power: int) -> str:
    low, high = 1 << power, (1 << power + 1) - 1
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def write_plots(folder: Path, sizes: CorpusSizes, failures: Mapping[str, int]) -> list[Path]:
    """Writes the plots into `folder` and returns their paths; OzmaError if it cannot."""
    plots = {
        "function-instructions": ("functions by IR instructions", sizes.functions.instructions),
        "function-characters": ("functions by characters of text", sizes.functions.characters),
        "unit-instructions": ("translation units by IR instructions", sizes.units.instructions),
        "unit-characters": ("translation units by characters of text", sizes.units.characters),
    }
    texts = {name: bar_chart(t, doubling_histogram(v)) for name, (t, v) in plots.items()}
    reasons = dict(list(failures.items())[:_REASONS])
    texts["failures"] = bar_chart("files that failed, by reason", reasons)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, text in texts.items():
            paths.append(folder / f"{name}.svg")
            paths[-1].write_text(text, "utf-8")
        return paths
    except OSError as error:
        raise OzmaError(f"cannot write plots into {folder}: {error.strerror}") from error
