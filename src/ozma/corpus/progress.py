"""One line on stderr that says how far a long job is: bar, rate, remaining time."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_WIDTH = 24
_REDRAW, _LOG = 0.5, 60.0


class ProgressLine:
    """Redrawn in place on a terminal; elsewhere a line now and then, so that logs stay short."""

    def __init__(self, total: int, what: str, stream: TextIO | None = None) -> None:
        self._total, self._what = total, what
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._started = self._shown = time.monotonic()

    def update(self, done: int, units: int | None = None, before: int = 0) -> None:
        """`done` projects in this run after the `before` of earlier ones; `units` in this run."""
        now = time.monotonic()
        if now - self._shown < (_REDRAW if self._live else _LOG):
            return
        self._shown = now
        text = self.text(done, units, before, now - self._started)
        self._stream.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._stream.flush()

    def text(self, done: int, units: int | None, before: int, elapsed: float) -> str:
        all_done, elapsed = done + before, max(elapsed, 1e-6)
        filled = _WIDTH * min(all_done, self._total) // max(self._total, 1)
        bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {all_done}/{self._total} {self._what}"
        rate = f", {60 * done / elapsed:.0f}/min"
        if units is not None:
            rate = f", {units} units, {60 * units / elapsed:.0f} units/min"
        left = elapsed / done * max(self._total - all_done, 0) if done else None
        return bar + rate + (f", {duration(left)} left" if left is not None else "")

    def note(self, text: str) -> None:
        """A line that stays."""
        self._stream.write(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
