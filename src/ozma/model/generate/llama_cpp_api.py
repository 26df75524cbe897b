"""The part of llama.cpp's C API that generation needs, through ctypes.

Its parameter structs change from build to build, its functions do not. So the structs are taken
whole from the library's own defaults, and the few fields that must differ are found in them by
their default values; what was set is read back through functions.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_float, c_int8, c_int32, c_uint8, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError

_ROOM = 512
"""Bytes kept for a parameter struct; those of 2026 take 72 to 152."""
_ERROR = 4

_DEFAULTS = (512, 2048, 512, 1)
"""How context parameters begin: tokens of context, batch and micro-batch, and sequences."""
_F16 = 1
_SWITCHES = bytes([0, 1, 1, 1, 1, 0])
"""embeddings, offload_kqv, no_perf, op_offload, swa_full, kv_unified."""


class Params(ctypes.Structure):
    _fields_ = [("data", c_uint8 * _ROOM)]


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", c_int32),
        ("token", POINTER(c_int32)),
        ("embd", POINTER(c_float)),
        ("pos", POINTER(c_int32)),
        ("n_seq_id", POINTER(c_int32)),
        ("seq_id", POINTER(POINTER(c_int32))),
        ("logits", POINTER(c_int8)),
    ]


_LOG = ctypes.CFUNCTYPE(None, c_int32, ctypes.c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (_LOG, c_void_p)),
    "llama_model_default_params": (Params, ()),
    "llama_context_default_params": (Params, ()),
    "llama_model_load_from_file": (c_void_p, (ctypes.c_char_p, Params)),
    "llama_model_free": (None, (c_void_p,)),
    "llama_model_n_ctx_train": (c_int32, (c_void_p,)),
    "llama_model_get_vocab": (c_void_p, (c_void_p,)),
    "llama_vocab_n_tokens": (c_int32, (c_void_p,)),
    "llama_init_from_model": (c_void_p, (c_void_p, Params)),
    "llama_free": (None, (c_void_p,)),
    "llama_n_ctx": (ctypes.c_uint32, (c_void_p,)),
    "llama_n_seq_max": (ctypes.c_uint32, (c_void_p,)),
    "llama_set_n_threads": (None, (c_void_p, c_int32, c_int32)),
    "llama_get_memory": (c_void_p, (c_void_p,)),
    "llama_memory_seq_rm": (ctypes.c_bool, (c_void_p, c_int32, c_int32, c_int32)),
    "llama_memory_seq_cp": (None, (c_void_p, c_int32, c_int32, c_int32, c_int32)),
    "llama_decode": (c_int32, (c_void_p, Batch)),
    "llama_get_logits_ith": (POINTER(c_float), (c_void_p, c_int32)),
}


class Library:
    """llama.cpp, its functions declared (`library.llama_decode(...)`). `errors`: what it said."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: list[str] = []
        try:
            self._cdll = ctypes.CDLL(str(path))
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(self._cdll, name)
                function.restype, function.argtypes = result, arguments
                setattr(self, name, function)
        except (OSError, AttributeError) as error:
            raise OzmaError(f"{path} is not a usable llama.cpp: {error}") from error
        self._log = _LOG(self._hear)
        self.llama_log_set(self._log, None)
        self.llama_backend_init()

    def _hear(self, level: int, text: bytes, _: Any) -> None:
        if level == _ERROR:
            self.errors.append(text.decode("utf-8", "replace").strip())

    def context_params(self, cells: int, batch: int, sequences: int, cache_type: int) -> Params:
        """Defaults but for: tokens in the cache, all sequences in one, type of keys and values."""
        params = self.llama_context_default_params()
        words = (c_int32 * (_ROOM // 4)).from_buffer(params)
        switches = _find_switches(params, words)
        if switches is None:
            raise OzmaError(
                f"{self.path} is a llama.cpp whose parameters Ozma does not know",
                hint="use another backend, or another release of it",
            )
        place, types = switches
        words[0], words[1], words[2], words[3] = cells, batch, batch, sequences
        words[types] = words[types + 1] = cache_type
        params.data[place + len(_SWITCHES) - 1] = 1
        return params


def _find_switches(params: Params, words: Any) -> tuple[int, int] | None:
    """(byte at which the switches begin, word of the first cache type)."""
    if tuple(words[:4]) != _DEFAULTS:
        return None
    types = next((i for i in range(16, 60, 2) if words[i] == words[i + 1] == _F16), None)
    if types is None:
        return None
    place = bytes(params.data).find(_SWITCHES, 4 * types + 8)
    return (place, types) if place >= 0 else None


@cache
def library_at(path: Path) -> Library:
    """The library, for as long as the process runs: llama.cpp has one log function for all models
    and goes on calling the one that it was given last."""
    return Library(path)


def installed_library() -> Path:
    """The shared library of an installed package; OzmaError says which to install."""
    for package, pattern in (("llama_cpp", "lib/libllama.so"), ("xllamacpp", "xllamacpp*.so")):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found = sorted(Path(folder).glob(pattern))
            if found:
                return found[0]
    raise OzmaError("no llama.cpp is installed", hint="pip install xllamacpp (or llama-cpp-python)")
