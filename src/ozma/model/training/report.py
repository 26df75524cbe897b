"""What a training says while it runs: a progress line, log.jsonl, TensorBoard files."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import torch

from ozma.corpus.progress import duration

LOG = "log.jsonl"


class Reporter:
    """Appends to OUT/log.jsonl and OUT/tensorboard (if that package is there); one line on stderr,
    redrawn on a terminal. With `silent`, as on all ranks but the first, nothing."""

    def __init__(self, out: Path, silent: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._silent, self._out = silent, out
        self._board: Any = None

    def record(self, step: int, values: dict[str, Any]) -> None:
        """Numbers of one step, for good."""
        if self._silent:
            return
        line = json.dumps({"step": step, "time": round(time.time(), 1)} | values) + "\n"
        with (self._out / LOG).open("a", encoding="utf-8") as log:
            log.write(line)
        self._board = self._board or _board(self._out / "tensorboard")
        if self._board:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self._board.add_scalar(name.replace(" ", "/", 1), value, step)

    def progress(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}" if self._live else f"{text}\n")

    def note(self, text: str) -> None:
        """A line that stays."""
        self._write(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")

    def close(self) -> None:
        if self._board:
            self._board.close()
            self._board = None
        if self._live:
            self._write("\n")

    def _write(self, text: str) -> None:
        if not self._silent:
            self._stream.write(text)
            self._stream.flush()


def _board(folder: Path) -> Any:
    """A TensorBoard writer, None where the package is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


class Speed:
    """Tokens per second since the last look, and the share of the machine's peak that they use."""

    def __init__(self, peak: float) -> None:
        self._peak = peak
        self._tokens = self._operations = 0.0
        self._since = time.perf_counter()

    def add(self, tokens: int, operations: float) -> None:
        self._tokens += tokens
        self._operations += operations

    def look(self) -> tuple[float, float]:
        """(tokens/s, MFU), and begins anew."""
        now = time.perf_counter()
        seconds = max(now - self._since, 1e-9)
        found = self._tokens / seconds, self._operations / seconds / self._peak
        self._tokens = self._operations = 0.0
        self._since = now
        return found


def measured_peak(dtype: torch.dtype, device: torch.device) -> float:
    """Operations/s of the best of five products of square matrices: what MFU is a share of.

    On a CPU by processor time of one thread, times the threads: other work does not show in it.
    """
    gpu = device.type == "cuda"
    square = torch.randn(8192 if gpu else 1024, 8192 if gpu else 1024, dtype=dtype, device=device)
    best = min(_gpu_seconds(square) if gpu else _cpu_seconds(square) for _ in range(5))
    return 2 * len(square) ** 3 / best


def _gpu_seconds(square: torch.Tensor) -> float:
    torch.cuda.synchronize()
    started = time.perf_counter()
    square @ square
    torch.cuda.synchronize()
    return time.perf_counter() - started


def _cpu_seconds(square: torch.Tensor) -> float:
    """What one product takes on all threads, were nothing else running."""
    started = time.process_time()
    square @ square
    return max(time.process_time() - started, 1e-9) / torch.get_num_threads()


def progress_text(values: dict[str, Any], left: float) -> str:
    """The line of one look at the training; `left` in seconds."""
    return (
        f"step {values['step']} {values['stage']}: loss {values['loss']:.4f}, "
        f"{values['tokens/s']:,.0f} tokens/s, MFU {100 * values['MFU']:.0f} %, "
        f"{100 * values['done']:.1f} % done, {duration(left)} left"
    )
