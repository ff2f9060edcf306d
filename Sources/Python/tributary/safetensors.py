"""Reads and writes safetensors files of float32 with numpy alone."""

from __future__ import annotations

import json
import math
import struct
from typing import Dict, Mapping, Tuple

import numpy as np

from .failures import Refusal


def read(path: str) -> Tuple[Dict[str, np.ndarray], Dict[str, str]]:
    """Tensors by name, and the metadata."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from error
    try:
        (count,) = struct.unpack_from("<Q", content)
        header, data = json.loads(content[8:8 + count]), content[8 + count:]
        metadata = header.pop("__metadata__", {})
        tensors = {name: _tensor(told, data) for name, told in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(f"{path} is no safetensors file of float32") from error
    return tensors, metadata


def write(path: str, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Tensors by name, and the metadata."""
    header, data, offset = {"__metadata__": dict(metadata)}, [], 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name], "<f4")
        header[name] = {"dtype": "F32", "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        data.append(array.tobytes())
        offset += array.nbytes
    told = json.dumps(header).encode()
    # The data begins at a multiple of 8.
    told += b" " * (-len(told) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(told)) + told + b"".join(data))


def _tensor(told: dict, data: bytes) -> np.ndarray:
    start, end = told["data_offsets"]
    shape = told["shape"]
    if told["dtype"] != "F32" or not 0 <= start <= end <= len(data):
        raise ValueError
    if end - start != 4 * math.prod(shape):
        raise ValueError
    return np.frombuffer(data[start:end], "<f4").reshape(shape)
