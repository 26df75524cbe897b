"""Ray nodes as our children, two network namespaces with a cable between them, and the end of every
process that they leave. Needs root for the namespaces."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPACES = ("ozma-ray-a", "ozma-ray-b")
ADDRESSES = ("10.97.41.1", "10.97.41.2")
PORT = 6397


@contextmanager
def ray_node(*words: str, cpus: int = 1, place: int | None = None) -> Iterator[None]:
    """A Ray node in the foreground, so that it is our child."""
    space = "" if place is None else SPACES[place]
    address = "127.0.0.1" if place is None else ADDRESSES[place]
    child = subprocess.Popen(
        [*inside(space), sys.executable, "-m", "ray.scripts.scripts", "start", *words, "--block",
         f"--num-cpus={cpus}", f"--node-ip-address={address}", "--object-store-memory=100000000",
         *(["--include-dashboard=false"] if "--head" in words else [])],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        _wait_for_node(child)
        yield
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()


def _wait_for_node(child: subprocess.Popen) -> None:
    told = []
    for line in child.stdout:
        told.append(line)
        if "Ray runtime started" in line:
            return
    raise SystemExit(f"no Ray node: {''.join(told)[-500:]}")


def inside(space: str) -> list[str]:
    return ["ip", "netns", "exec", space] if space else []


@contextmanager
def cables() -> Iterator[None]:
    """Two network namespaces with an address each."""
    try:
        for space in SPACES:
            _ip("netns", "add", space)
        _ip("link", "add", "ozray0", "netns", SPACES[0], "type", "veth", "peer", "ozray1", "netns", SPACES[1])
        for number, space in enumerate(SPACES):
            _ip("-n", space, "addr", "add", f"{ADDRESSES[number]}/30", "dev", f"ozray{number}")
            for device in (f"ozray{number}", "lo"):
                _ip("-n", space, "link", "set", device, "up")
            _ip("-n", space, "route", "add", "default", "via", ADDRESSES[1 - number])  # Ray asks for one
        yield
    finally:
        for space in SPACES:
            kill_space(space)
            subprocess.run(["ip", "netns", "del", space], capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def kill_space(space: str) -> int:
    """Every process in a namespace of ours."""
    done = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True)
    pids = [int(word) for word in done.stdout.split()]
    for pid in pids:
        _kill(pid)
    return len(pids)


def no_namespaces() -> str:
    """'' where two nodes can be made, else why not."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if not shutil.which("ip"):
        return "`ip` is not installed (iproute2)"
    try:
        with cables():
            return ""
    except subprocess.CalledProcessError as error:
        return f"no network namespaces here: {error.stderr.decode().strip()}"


def end_all() -> None:
    """Ends and reaps every process below us, so that its time is counted."""
    while below := _below(os.getpid()):
        for pid in below:
            _kill(pid)
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            pass


def _below(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [one for child in map(int, found) for one in (child, *_below(child))]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
