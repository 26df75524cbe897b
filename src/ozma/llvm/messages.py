"""Messages between a worker process and its child: pickles with their length, answers with a
bell."""

from __future__ import annotations

import os
import pickle
import struct
import time

_LENGTH = struct.Struct("<I")
_PIPE_BYTES = 4_000  # every pipe holds so many
_MOST_RUNG = 255
_RING_SECONDS = 0.02


def send(descriptor: int, message: object) -> None:
    """Writes one length-prefixed pickle."""
    _write(descriptor, _framed(message))


def _framed(message: object) -> bytes:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def receive(descriptor: int) -> object:
    """Reads one message; EOFError if the other side is gone."""
    (length,) = _LENGTH.unpack(_read_exactly(descriptor, _LENGTH.size))
    return pickle.loads(_read_exactly(descriptor, length))


def _read_exactly(descriptor: int, length: int) -> bytes:
    chunks, missing = [], length
    while missing:
        chunk = os.read(descriptor, min(missing, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


class Outbox:
    """The child's end of the pipe of answers, and of the bell that announces them.

    An answer is written at once, so that none is lost when the next list kills the child. The bell
    rings (one byte, how many answers are new) every 20 ms and at the end of a request.
    """

    def __init__(self, answers: int, bell: int) -> None:
        self._answers, self._bell = answers, bell
        self._count = self._bytes = 0
        self._rung = 0.0

    def put(self, answer: object) -> None:
        """Writes (processor seconds used so far, answer)."""
        data = _framed((time.process_time(), answer))
        self._count += 1
        self._bytes += len(data)
        if self._bytes > _PIPE_BYTES or self._count == _MOST_RUNG:
            self.ring()  # before a write that may have to wait for the reader
        _write(self._answers, data)
        if time.monotonic() - self._rung > _RING_SECONDS:
            self.ring()

    def ring(self) -> None:
        """Announces what was written since the last time."""
        if self._count:
            os.write(self._bell, bytes((self._count,)))
        self._count = self._bytes = 0
        self._rung = time.monotonic()
