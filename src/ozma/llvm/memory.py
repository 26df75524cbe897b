"""Memory at the same addresses in every child of a worker, whatever its parent held.

Passes walk sets of pointers, and hash them: in which order, and so with which code in the end,
depends on where objects lie. LLVM therefore works in a thread of its own, whose memory comes from
an arena of malloc's (glibc) that is new, and always at the same place: the gaps of the address
space, where the kernel would put it by chance, are closed before. Without glibc nothing is promised.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ozma.llvm.capi import load_library

_LIBRARY_PLACE, _CHILD_PLACE = 0x7000_0000_0000, 0x6000_0000_0000
"""On x86-64 all that the kernel maps by chance is above, programs and their heaps are below."""
_NOTHING, _MAP = 0, 0x02 | 0x20 | 0x4000 | 0x100000
"""mmap: PROT_NONE; private, anonymous, without reserve, at this place unless something is there."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST = 32 << 20
_STACK = 8 << 20  # bytes, as a main thread's usual limit
_FROM_MALLOC = 4096  # bytes: Python has memory of its own for less than 512


def load_in_place(path: Path) -> None:
    """Loads libLLVM, unless this process has one, where every process has it that calls this first:
    some passes hash addresses of its own data too."""
    if not load_library.cache_info().currsize:
        close_gaps(_LIBRARY_PLACE)
        load_library(path)


def close_gaps(place: int = _CHILD_PLACE) -> None:
    """What this process maps from now on lies below `place`, one after the other.

    Costs address space (up to 32 TiB), no memory. Where that is limited nothing is promised.
    """
    library = ctypes.CDLL(None)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    for low, high in list(_gaps(Path("/proc/self/maps").read_text(), place)):
        library.mmap(low, high - low, _NOTHING, _MAP, -1, 0)


def _gaps(maps: str, place: int) -> Iterator[tuple[int, int]]:
    """(start, end) of what is free above `place`, up to the room in which the stack grows."""
    end = place
    for line in maps.splitlines():
        low, high = (int(number, 16) for number in line.split(maxsplit=1)[0].split("-"))
        if line.endswith("[stack]"):
            return
        if low > end:
            yield end, low
        end = max(end, high)


def in_fresh_memory(work: Callable[[], None]) -> None:
    """In a new process: calls `work` in a thread with an arena of its own, and waits for its end.

    Arenas that threads of the parent left are given to threads that only wait. A parent that used
    up all of glibc's arenas (8 for each processor) leaves none that is new: nothing is promised.
    """
    gc.freeze()  # what the parent held is never freed here, into this thread's cache
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_info"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST)  # else it depends on what was freed before
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST)
        for _ in range(_arenas(library) - 1):
            taken = threading.Semaphore(0)
            threading.Thread(target=_take_arena, args=(taken,), daemon=True).start()
            taken.acquire()
    threading.stack_size(_STACK)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _arenas(library: ctypes.CDLL) -> int:
    """How many of malloc's arenas this process has, the main one included."""
    library.open_memstream.restype = ctypes.c_void_p
    text, size = ctypes.c_char_p(), ctypes.c_size_t()
    file = ctypes.c_void_p(library.open_memstream(ctypes.byref(text), ctypes.byref(size)))
    library.malloc_info(0, file)
    library.fclose(file)
    return text.value.count(b"<heap ")


def _take_arena(taken: threading.Semaphore) -> None:
    _ = bytearray(_FROM_MALLOC)
    taken.release()
    threading.Event().wait()
