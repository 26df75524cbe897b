"""Packages that only some backends need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ozma.errors import OzmaError


def required(module: str, install: str) -> Any:
    """The module; OzmaError names the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise OzmaError(
            f"this backend needs the package '{module}' ({error})", hint=install
        ) from error
