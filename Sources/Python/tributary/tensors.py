"""Where a tensor stands: in the inline part of a message or in the memory file."""

from __future__ import annotations

import math
import mmap
import os
from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from .failures import Refusal

INLINE_LIMIT = 65_536
DTYPES = {
    "f32": np.dtype("<f4"),
    "i32": np.dtype("<i4"),
    "u8": np.dtype("u1"),
}
ALIGNMENT = {"inline": 4, "memory": 64}


class Place(NamedTuple):
    """A checked place: `count` items of `dtype` from byte `offset` on."""

    at: str
    offset: int
    dtype: np.dtype
    shape: tuple

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def end(self) -> int:
        return self.offset + self.count * self.dtype.itemsize


class Memory:
    """The memory file that both sides map. It only grows, and is mapped again when it has grown."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._map: Optional[mmap.mmap] = None

    def bytes(self, size: int) -> mmap.mmap:
        """The file's bytes, at least `size` of them."""
        mapped = 0 if self._map is None else len(self._map)
        real = os.fstat(self._descriptor).st_size
        if real < max(size, mapped):
            raise Refusal(f"the memory file has {real} bytes, and {max(size, mapped)} were promised")
        if self._map is None or mapped < size:
            # Arrays that still look at the old map keep it alive until they are gone.
            self._map = mmap.mmap(self._descriptor, size, mmap.MAP_SHARED)
        return self._map


def is_whole(value: Any) -> bool:
    """Whether it is a whole number that a header may hold."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53


def place(name: str, named: Any, dtype: str, shape: Sequence[int], memory_size: int) -> Place:
    """The place that a header names, if a tensor of this type and shape may stand there."""
    if not isinstance(named, dict):
        raise Refusal(f'"{name}" must be a tensor, an object with dtype, shape, at and offset')
    if named.get("dtype") != dtype:
        raise Refusal(f'"{name}" must have dtype {dtype}')
    found = named.get("shape")
    if not isinstance(found, list) or not all(is_whole(side) and side >= 0 for side in found):
        raise Refusal(f'"{name}" must have a shape, a list of whole numbers')
    if found != list(shape):
        raise Refusal(f'"{name}" must have shape {list(shape)}, not {found[:8]}')
    at, offset = named.get("at"), named.get("offset")
    if at not in ("inline", "memory"):
        raise Refusal(f'"{name}" must be at "inline" or "memory"')
    if not is_whole(offset) or offset < 0 or offset % ALIGNMENT[at] != 0:
        raise Refusal(f'"{name}" must have an offset that is a multiple of {ALIGNMENT[at]}')
    checked = Place(at, offset, DTYPES[dtype], tuple(shape))
    limit = INLINE_LIMIT if at == "inline" else memory_size
    if checked.end > limit:
        raise Refusal(f'"{name}" ends at byte {checked.end} of {limit}')
    return checked


def view(place: Place, buffer: Any) -> np.ndarray:
    """The tensor as an array over the buffer's own bytes."""
    return np.frombuffer(buffer, place.dtype, place.count, place.offset).reshape(place.shape)
