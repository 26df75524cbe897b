"""A model behind an OpenAI-compatible server (`/v1/completions`): vLLM, llama.cpp's server, others.

Text goes out and comes back; grammar and scores stay with the server. Nothing that it does can hang
or crash the caller: every fault is one OzmaError that names the address.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ozma.errors import OzmaError
from ozma.model.generate.answer import Answer, Sampling

_LARGEST = 64 << 20
"""Bytes of a reply."""


class EndpointAnswerer:
    """`url` ends before `/completions` (`http://localhost:8000/v1`). `seconds` bounds one request,
    from connecting to the last byte; `key` is sent as a bearer token. `model`: the server's first
    if None."""

    def __init__(
        self, url: str, model: str | None = None, seconds: float = 120.0, key: str | None = None
    ) -> None:
        self._parts, self._port = _address(url)
        if seconds <= 0:
            raise ValueError(f"seconds is {seconds}: give more than 0")
        self.name = self.url = url.rstrip("/")
        self.seconds, self._key, self._model = seconds, key, model

    @property
    def model(self) -> str:
        """The name under which the server has the model."""
        if self._model is None:
            reply = self._request("GET", "/models", None)
            try:
                self._model = str(reply["data"][0]["id"])
            except (KeyError, IndexError, TypeError) as error:
                raise self._fault("names no model") from error
        return self._model

    def answers(self, prompt: str, sampling: Sampling) -> list[Answer]:
        """Greedy or at a temperature; a server cannot sample by priority."""
        if sampling.method == "priority":
            raise OzmaError(
                "an endpoint cannot sample by priority", hint="choose greedy or temperature"
            )
        is_greedy = sampling.method == "greedy"
        reply = self._request(
            "POST",
            "/completions",
            {
                "model": self.model,
                "prompt": prompt,
                "max_tokens": sampling.max_tokens,
                "temperature": 0.0 if is_greedy else sampling.temperature,
                "n": sampling.count,
                "seed": sampling.seed,
            },
        )
        return self._read(reply, sampling.count)

    def _read(self, reply: Any, count: int) -> list[Answer]:
        choices = reply.get("choices") if isinstance(reply, dict) else None
        if not isinstance(choices, list) or not choices:
            raise self._fault("gives no answer")
        answers = []
        for choice in choices[:count]:
            text = choice.get("text") if isinstance(choice, dict) else None
            if not isinstance(text, str):
                raise self._fault("gives an answer without text")
            text = text.encode("utf-8", "replace").decode()  # JSON may hold half a character
            answers.append(Answer(text, finished=choice.get("finish_reason") == "stop"))
        return answers

    def _request(self, method: str, path: str, content: dict | None) -> Any:
        deadline = time.monotonic() + self.seconds
        try:
            status, body = self._exchange(method, path, content, deadline)
        except TimeoutError as error:
            raise self._fault(f"does not answer within {self.seconds:g} s") from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:  # the last: the name
            raise self._fault(f"cannot be used: {error or type(error).__name__}") from error
        if status != http.client.OK:
            raise self._fault(f"answers with status {status}: {_first_line(body)}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._fault("answers with something else than JSON") from error

    def _exchange(
        self, method: str, path: str, content: dict | None, deadline: float
    ) -> tuple[int, bytes]:
        """(status, body), all of it before the deadline, however slowly the bytes drip in."""
        kind = (
            http.client.HTTPSConnection
            if self._parts.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = kind(self._parts.hostname, self._port, timeout=self.seconds)
        body = None if content is None else json.dumps(content)
        watchdog = None
        try:
            connection.connect()
            watchdog = _watchdog(connection.sock, deadline - time.monotonic())
            connection.request(method, self._parts.path + path, body, self._headers())
            reply = connection.getresponse()
            return reply.status, self._body(reply)
        finally:
            if watchdog:
                watchdog.cancel()
            connection.close()
            if time.monotonic() >= deadline:
                raise TimeoutError  # whatever the cut connection looked like from here

    def _body(self, reply: http.client.HTTPResponse) -> bytes:
        body = reply.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise self._fault(f"sends more than {_LARGEST >> 20} MB")
        return body

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Connection": "close"}
        return headers | ({"Authorization": f"Bearer {self._key}"} if self._key else {})

    def _fault(self, what: str) -> OzmaError:
        return OzmaError(
            f"the endpoint {self.url} {what}", hint="is the server up, and the address right?"
        )


def _address(url: str) -> tuple[SplitResult, int | None]:
    """(the parts of an address, its port); OzmaError if it is none."""
    try:
        parts = urlsplit(url.rstrip("/"))
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts, parts.port
    except ValueError:
        pass
    raise OzmaError(f"'{url}' is no endpoint", hint="give one such as http://localhost:8000/v1")


def _watchdog(held: socket.socket, seconds: float) -> threading.Timer:
    """Cuts the connection when the time is up: no slow drip of bytes outlives it."""

    def cut() -> None:
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, seconds), cut)
    timer.daemon = True
    timer.start()
    return timer


def _first_line(body: bytes) -> str:
    """What a server says about an error, shortened."""
    try:
        content = json.loads(body)
        message = content.get("error", content) if isinstance(content, dict) else content
        text = str(message.get("message", message) if isinstance(message, dict) else message)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
    shown = "".join(one if one.isprintable() else " " for one in text[:1000])
    return " ".join(shown.split())[:200]
