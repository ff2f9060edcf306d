"""Embeddings of prompts for models without a text encoder, made of a hash of the text."""

from __future__ import annotations

import hashlib
from typing import Sequence

import numpy as np


def hashed(text: str, shape: Sequence[int], purpose: str = "") -> np.ndarray:
    """Standard normals of this shape that depend on the text and the purpose; zeros for no text."""
    if not text:
        return np.zeros(shape, np.float32)
    digest = hashlib.blake2b(f"{purpose}\0{text}".encode(), digest_size=16).digest()
    draw = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    return draw.standard_normal(shape, np.float32)
