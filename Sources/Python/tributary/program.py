"""What the server needs of a model, whatever the model computes with."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from .contract import Contract, Prompt
from .failures import Refusal


@dataclasses.dataclass
class Rows:
    """The rows of one question.

    `x` is [R, *latent], `sigma` [R], `encoded` has what `encode` made of each row's prompt: rows of
    one prompt, wherever they stand, have the very same object.
    """

    x: np.ndarray
    sigma: np.ndarray
    encoded: List[Any]
    guidance: float


class Program:
    """Below `tributary.Model` (numpy) and `tributary.torch.Model`, where users find what to write."""

    def start(self, seed: int, role: str) -> None:
        """Called once, before anything else. `seed` is the same in every process of a run."""

    def contract(self) -> Contract:
        raise NotImplementedError

    def initial(self, seed: int) -> Mapping[str, np.ndarray]:
        """θ of version 0, by name; what is not named is zero."""
        return {}

    def encode(self, prompts: List[Prompt]) -> List[Any]:
        """What `velocities` wants of each prompt; by default the prompts themselves.

        It is asked once a prompt and with one prompt at a time, so that nothing depends on neighbours.
        """
        return list(prompts)

    def encoded(self, prompt: Prompt) -> Any:
        made = self.encode([prompt])
        if not hasattr(made, "__len__") or len(made) != 1:
            raise Refusal("encode must return a list with one entry for each prompt")
        return made[0]

    def apply(self, theta: Dict[str, np.ndarray]) -> Any:
        """What is kept of a parameter set. `theta` belongs to the model from now on."""
        return theta

    def applied(self, kept: Any) -> Mapping[str, np.ndarray]:
        """θ as it is found in what `apply` kept; the digest is made of this."""
        return kept

    def forward(self, kept: Any, rows: Rows, call: Optional[int]) -> np.ndarray:
        """v. With a call, `backward` for the same rows follows and names it."""
        raise NotImplementedError

    def backward(self, kept: Any, rows: Rows, slopes: np.ndarray,
                 call: Optional[int]) -> Mapping[str, np.ndarray]:
        """∂L/∂θ by name, for slopes = ∂L/∂v; `call` is that of `forward` with the same rows."""
        raise NotImplementedError

    def export(self, kept: Any, folder: str) -> None:
        """Writes θ into files of the model's own libraries; the folder is there and empty."""
        raise Refusal("this model has no files of its own to export")

    def pictures(self, x: np.ndarray) -> np.ndarray:
        """u8 [R, H, W, 3] of the final x, [R, *latent]."""
        raise Refusal("this model decodes no pictures")
