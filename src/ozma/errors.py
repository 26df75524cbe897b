"""The one exception that a person sees: what failed, how to reproduce it, what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OzmaError(Exception):
    """A failure that is reported as one clear line, never as a traceback.

    `command` reproduces it in a shell, `reproducer` is the folder where its input was saved,
    `hint` says what to do next. Our own exit codes start at 100 so that they cannot be taken
    for the wrapped compiler's.
    """

    exit_code = 100

    def __init__(
        self,
        message: str,
        *,
        command: str | None = None,
        reproducer: Path | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.command = command
        self.reproducer = reproducer
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.message]
        if self.command:
            parts.append(f"reproduce: {self.command}")
        if self.reproducer:
            parts.append(f"saved in {self.reproducer}")
        if self.hint:
            parts.append(self.hint)
        return "; ".join(parts)


_EXTRAS = {
    "gguf": "gguf", "llguidance": "model", "numpy": "model", "openvino_genai": "fast",
    "pyarrow": "corpus", "ray": "ray", "rensa": "corpus", "sklearn": "evaluate",
    "tokenizers": "train", "torch": "train", "unicorn": "lift", "urllib3": "corpus",
    "xllamacpp": "gguf",
}  # fmt: skip


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """A package that is missing inside is an OzmaError that names it and the `extra` with it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise _missing(error.name, extra) from error


def _missing(package: str | None, extra: str) -> OzmaError:
    return OzmaError(f"this needs {package}", hint=f"install it: pip install 'ozma[{extra}]'")


def of_system(error: Exception) -> Exception:
    """What the system lacks or refused (an optional package, a folder that is a file, a full disk,
    no permission) as an OzmaError that names it; any other exception as it is."""
    package = error.name if isinstance(error, ModuleNotFoundError) else None
    if package in _EXTRAS:
        return _missing(package, _EXTRAS[package])
    if not isinstance(error, OSError):
        return error
    place = f"{error.filename}: " if error.filename else ""
    return OzmaError(f"{place}{error.strerror or error}")
