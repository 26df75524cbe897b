"""Processor time, which a busy machine does not change much: of this process and of a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ozma.llvm import Worker


def processor_seconds(worker: Worker | None = None) -> float:
    """Spent so far by this process, and by the worker's living child where there is one."""
    return time.process_time() + (_child_seconds(worker.pid) if worker and worker.pid else 0.0)


def _child_seconds(pid: int) -> float:
    """0 for a child that is gone: what it spent is then not counted."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def timed(call: Callable[[], Any], worker: Worker | None = None) -> tuple[Any, float]:
    """(what `call` returns, processor seconds that it took, never below 0)."""
    before = processor_seconds(worker)
    result = call()
    return result, max(0.0, processor_seconds(worker) - before)
