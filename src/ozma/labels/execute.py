"""Where chunks are worked on: processes of this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ozma.corpus.crew import Crew, Finished
from ozma.errors import OzmaError
from ozma.labels.chunk import Chunk, label_chunk
from ozma.labels.options import LabelOptions

Execute = Callable[[Iterator[Chunk], LabelOptions], Iterator[Finished | None]]
"""Takes chunks, gives their ends in any order, and None now and then so that time is seen."""

_CHUNK_SECONDS = 3600.0  # on the clock, for a process that hangs outside LLVM, where limits hold
_AHEAD = 2  # chunks on their way for each core of a cluster
_RETRIES = 20
_POLL = 0.5


def on_this_machine(
    chunks: Iterator[Chunk], options: LabelOptions, jobs: int
) -> Iterator[Finished | None]:
    """On `jobs` processes, each with its own LLVM worker; one that dies costs its chunk only."""
    yield from Crew(partial(label_chunk, options=options), jobs, _CHUNK_SECONDS).run(chunks)


def load_ray() -> Any:
    """The ray module; OzmaError says how to install it."""
    try:
        import ray
    except ImportError as error:
        raise OzmaError(
            "--ray needs Ray, which is not installed", hint="install it: pip install 'ozma[ray]'"
        ) from error
    return ray


def on_ray(
    chunks: Iterator[Chunk], options: LabelOptions, address: str
) -> Iterator[Finished | None]:
    """On the cluster at `address` ("local" starts one here). Every node needs ozma and the same
    LLVM; nodes may come and go: what a lost one had is done again elsewhere."""
    ray = load_ray()
    _connect(ray, address)
    shared = ray.put(options)
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(label_chunk)
    pending: dict[Any, Chunk] = {}
    try:
        while True:
            room = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
            while len(pending) < room and (chunk := next(chunks, None)) is not None:
                pending[task.remote(chunk, shared)] = chunk
            if not pending:
                return
            ready, _ = ray.wait(list(pending), timeout=_POLL)
            yield from (_collect(ray, reference, pending) for reference in ready)
            yield None
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray raises many types; all mean that there is no cluster
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OzmaError(
            f"no Ray cluster at {address}: {reason}",
            hint="start one with `ray start --head`, or give --ray local",
        ) from error


def _collect(ray: Any, reference: Any, pending: dict[Any, Chunk]) -> Finished:
    chunk = pending.pop(reference)
    try:
        return Finished(chunk, ray.get(reference))
    except ray.exceptions.RayTaskError as error:
        return Finished(chunk, None, str(error.cause or error).splitlines()[-1])
    except ray.exceptions.RayError as error:
        return Finished(chunk, None, type(error).__name__, lost=True)
