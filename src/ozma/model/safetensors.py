"""The safetensors format with NumPy alone: no torch to read a model.

A file is 8 bytes with the length of a JSON header, the header (name -> dtype, shape, offsets), and
the tensors' bytes without gaps (https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.whole_file import replacing

BF16 = "BF16"
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", BF16: "<u2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "<i1", "U8": "<u1", "U16": "<u2", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(form): name for name, form in _DTYPES.items() if name != BF16}
_LENGTH = struct.Struct("<Q")


def read_tensors(path: Path) -> dict[str, tuple[str, np.ndarray]]:
    """name -> (dtype as stored, array mapped from the file); bfloat16 comes as its 16 bits.

    OzmaError when the file is missing, torn, or does not hold what its header says.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = _header(file.read(_LENGTH.size), file, size)
        start = size - _body_bytes(header)
        body = np.memmap(path, np.uint8, "r")
        return {name: _tensor(body, start, entry) for name, entry in header.items()}
    except OSError as error:
        raise OzmaError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise OzmaError(
            f"{path} is damaged: {error}", hint="copy it again, it may be cut off"
        ) from error


def _header(prefix: bytes, file: Any, size: int) -> dict[str, Any]:
    (length,) = _LENGTH.unpack(prefix)
    if length > size - _LENGTH.size:
        raise ValueError("its header is longer than the file")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    need = _LENGTH.size + length + _body_bytes(header)
    if need != size:
        raise ValueError(f"it has {size:,} bytes where its header says {need:,}")
    return header


def _body_bytes(header: Mapping[str, Any]) -> int:
    return max((entry["data_offsets"][1] for entry in header.values()), default=0)


def _tensor(body: np.ndarray, start: int, entry: Mapping[str, Any]) -> tuple[str, np.ndarray]:
    kind, shape = entry["dtype"], tuple(entry["shape"])
    if kind not in _DTYPES:
        raise ValueError(f"dtype {kind} is not supported")
    first, last = entry["data_offsets"]
    if first < 0 or last - first != prod(shape) * np.dtype(_DTYPES[kind]).itemsize:
        raise ValueError("a tensor's offsets do not fit its shape")
    return kind, body[start + first : start + last].view(_DTYPES[kind]).reshape(shape)


def write_tensors(path: Path, tensors: Mapping[str, tuple[str, np.ndarray]]) -> None:
    """Writes name -> (dtype, array) whole or not at all; bfloat16 is given as its 16 bits."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (kind, array) in tensors.items():
        end = offset + array.nbytes
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8 bytes
    with replacing(path) as part, part.open("wb") as file:
        file.write(_LENGTH.pack(len(text)) + text)
        for _, array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
        file.flush()
        os.fsync(file.fileno())


def dtype_name(array: np.ndarray) -> str:
    """The format's name of an array's dtype."""
    return _NAMES[array.dtype.newbyteorder("<") if array.dtype.byteorder == ">" else array.dtype]
