"""The runtimes of a model's folder, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ozma.errors import OzmaError
from ozma.model.generate.backend import Backend

ONNX_FILE, GGUF_FILE = "model.onnx", "model.gguf"
"""Where in the folder `export_onnx` and `export_gguf` are to write for `load_backend`."""


def load_backend(name: str, folder: Path) -> Backend:
    """One of BACKENDS with the model in `folder`; "onnx" and "llama.cpp" read their own file there.

    OzmaError for another name, a package that is missing, and a file that is missing or damaged.
    """
    if name not in BACKENDS:
        raise OzmaError(f"there is no backend '{name}'", hint=f"there are {', '.join(BACKENDS)}")
    return BACKENDS[name](folder)


def _numpy(folder: Path) -> Backend:
    from ozma.model.generate.numpy_llama import NumpyLlama

    return NumpyLlama.load(folder)


def _torch(folder: Path) -> Backend:
    from ozma.model.generate.torch_llama import TorchLlama

    return TorchLlama.load(folder)


def _onnx(folder: Path) -> Backend:
    from ozma.model.generate.onnx_llama import OnnxLlama

    return OnnxLlama(folder / ONNX_FILE)


def _llama_cpp(folder: Path) -> Backend:
    from ozma.model.generate.llama_cpp import LlamaCpp

    return LlamaCpp(folder / GGUF_FILE)


BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "numpy": _numpy, "torch": _torch, "onnx": _onnx, "llama.cpp": _llama_cpp,
}  # fmt: skip
