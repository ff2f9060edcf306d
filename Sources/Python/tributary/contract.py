"""What a program says about itself, and what it is told of prompts."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import platform
import re
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from .failures import Refusal
from .protocol import PROTOCOL


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A prompt as it is told: its text, what to stay away from, and the fields that are read."""

    text: str
    negative: str = ""
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Contract:
    """What a model promises; the fields are those of the page ModelProtocol.

    `parameters` gives θ in order: name → shape. `base` is a digest, made by `digest_of`, of all that
    θ is added to: frozen weights, tables, whatever else the answers depend on.
    """

    name: str
    version: str
    latent: Sequence[int]
    parameters: Mapping[str, Sequence[int]]
    base: str
    class_: str = ""
    picture: Optional[Tuple[int, int]] = None
    guidance: str = "linear"
    evaluations: int = 2
    exact: bool = False
    row_invariant: bool = False
    pullback_exact: bool = False
    max_rows: int = 1024
    slots: int = 8
    prompts: int = 65_536
    metadata: Sequence[str] = ()

    def __post_init__(self) -> None:
        for field in ("name", "version"):
            _text(field, getattr(self, field), 1, 64)
        _text("class_", self.class_, 0, 256)
        if not (isinstance(self.base, str) and re.fullmatch("[0-9a-f]{64}", self.base)):
            raise Refusal("the contract's base must be 64 hexadecimal digits, as digest_of gives")
        if not (isinstance(self.parameters, Mapping) and self.parameters):
            raise Refusal("the contract's parameters must be names with shapes, at least one")
        for name, shape in self.parameters.items():
            if not isinstance(name, str) or not name:
                raise Refusal("every parameter of the contract must have a name")
            _shape(f"shape of {name}", shape)
        if not 1 <= self.count <= 2**30:
            raise Refusal(f"the contract has {self.count} parameters; 1 … 2^30 are allowed")
        _shape("latent", self.latent)
        if not self.latent or self.latent_count > 2**22:
            raise Refusal(f"the contract's latent has {self.latent_count} numbers; 1 … 2^22 are allowed")
        if self.picture is not None:
            _shape("picture", self.picture)
            if len(self.picture) != 2:
                raise Refusal("the contract's picture must be a height and a width")
        if self.guidance not in ("linear", "own", "none"):
            raise Refusal("the contract's guidance must be linear, own or none")
        for field in ("exact", "row_invariant", "pullback_exact"):
            if not isinstance(getattr(self, field), bool):
                raise Refusal(f"the contract's {field} must be True or False")
        for field, low, high in (("evaluations", 1, 2), ("max_rows", 1, 65_536), ("slots", 4, 64),
                                 ("prompts", 64, 1_000_000)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise Refusal(f"the contract's {field} must be a whole number, {low} … {high}")
        if isinstance(self.metadata, str) or not all(isinstance(name, str) for name in self.metadata):
            raise Refusal("the contract's metadata must be a list of names")

    @property
    def count(self) -> int:
        """P: numbers in θ."""
        return sum(math.prod(shape) for shape in self.parameters.values())

    @property
    def latent_count(self) -> int:
        """D: numbers in x."""
        return math.prod(self.latent)

    def header(self) -> dict:
        """The fields of the answer to `hello`."""
        fields = {
            "protocol": PROTOCOL,
            "model": {"name": self.name, "version": self.version},
            "base": self.base,
            "parameters": [{"name": name, "shape": [int(side) for side in shape]}
                           for name, shape in self.parameters.items()],
            "latent": [int(side) for side in self.latent],
            "guidance": self.guidance,
            "evaluations": self.evaluations,
            "class": self.class_ or default_class(),
            "exact": self.exact,
            "row_invariant": self.row_invariant,
            "pullback_exact": self.pullback_exact,
            "max_rows": self.max_rows,
            "slots": self.slots,
            "prompts": self.prompts,
            "metadata": list(self.metadata),
        }
        if self.picture is not None:
            fields["picture"] = [int(side) for side in self.picture]
        return fields


def digest_of(parts: Iterable[Union[bytes, str, np.ndarray]]) -> str:
    """BLAKE2b with 32 bytes over the parts, each behind its length (and an array behind its form)."""
    digest = hashlib.blake2b(digest_size=32)
    for part in parts:
        if isinstance(part, np.ndarray):
            form = f"{part.dtype.str}{list(part.shape)}".encode()
            digest.update(len(form).to_bytes(8, "little") + form)
            part = np.ascontiguousarray(part).tobytes()
        encoded = part.encode() if isinstance(part, str) else part
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def default_class() -> str:
    """What numpy's bits depend on, as far as it can be seen from here."""
    return f"numpy {np.__version__}; {platform.machine()}; {processor('model name')}"[:256]


def processor(*fields: str) -> str:
    """The first of these fields that the system tells of its processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                field, _, value = line.partition(":")
                if field.strip() in fields:
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _text(field: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise Refusal(f"the contract's {field} must be a text of {low} to {high} characters")


def _shape(field: str, shape: Any) -> None:
    whole = isinstance(shape, Sequence) and not isinstance(shape, str) and all(
        isinstance(side, int) and not isinstance(side, bool) and side >= 1 for side in shape)
    if not whole:
        raise Refusal(f"the contract's {field} must be a list of whole numbers, 1 or more each")
