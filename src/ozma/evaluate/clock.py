"""Processor time, which a busy machine does not change much: of this process and of a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ozma.llvm import Worker


def processor_seconds(worker: Worker | None = None) -> float:
    """Spent so far by this process, and by the worker's children if there is one."""
    return time.process_time() + (worker.processor_seconds if worker else 0.0)


def timed(call: Callable[[], Any], worker: Worker | None = None) -> tuple[Any, float]:
    """(what `call` returns, processor seconds that it took, never below 0)."""
    before = processor_seconds(worker)
    result = call()
    return result, max(0.0, processor_seconds(worker) - before)
