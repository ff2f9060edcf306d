"""A model in numpy: what its user writes."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from .contract import Contract
from .program import Program, Rows


class Model(Program):
    """A velocity field and its pullback, both pure functions of what they are given.

    Write `describe`, `velocities` and `pullback`; `initial`, `encode` and `pictures` where their
    defaults will not do. Arrays are float32 and may be kept: nobody else writes to them.
    """

    def describe(self) -> Contract:
        """The contract; asked once, after `start`."""
        raise NotImplementedError

    def velocities(self, theta: Dict[str, np.ndarray], x: np.ndarray, sigma: np.ndarray,
                   encoded: List[Any], guidance: float) -> np.ndarray:
        """v [R, *latent] at x [R, *latent] and sigma [R]; `encoded` has one entry a row."""
        raise NotImplementedError

    def pullback(self, theta: Dict[str, np.ndarray], x: np.ndarray, sigma: np.ndarray,
                 encoded: List[Any], guidance: float, slopes: np.ndarray) -> Mapping[str, np.ndarray]:
        """∂L/∂θ, an array for each name, where slopes = ∂L/∂v [R, *latent]."""
        raise NotImplementedError

    # What the server calls.

    def contract(self) -> Contract:
        return self.describe()

    def forward(self, kept: Any, rows: Rows, call: Optional[int]) -> np.ndarray:
        return self.velocities(kept, rows.x, rows.sigma, rows.encoded, rows.guidance)

    def backward(self, kept: Any, rows: Rows, slopes: np.ndarray,
                 call: Optional[int]) -> Mapping[str, np.ndarray]:
        return self.pullback(kept, rows.x, rows.sigma, rows.encoded, rows.guidance, slopes)
