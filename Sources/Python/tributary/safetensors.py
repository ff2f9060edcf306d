"""Reads a safetensors file of float32 with numpy alone."""

from __future__ import annotations

import json
import math
import struct
from typing import Dict, Tuple

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


def _tensor(told: dict, data: bytes) -> np.ndarray:
    start, end = told["data_offsets"]
    shape = told["shape"]
    if told["dtype"] != "F32" or not 0 <= start <= end <= len(data):
        raise ValueError
    if end - start != 4 * math.prod(shape):
        raise ValueError
    return np.frombuffer(data[start:end], "<f4").reshape(shape)
