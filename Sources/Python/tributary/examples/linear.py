"""A whole model in numpy: velocities that are linear in θ.

    v = (scale + σ·tilt) ⊙ x + shift + σ·drift + mix e(prompt)          each [D], mix [D, 4]

e(prompt) are four numbers in −1 … 1 from a hash of the text, zero for no prompt. Guidance is linear.
Each number is made by the same additions and multiplications of float32 in the same order, wherever
its row stands: so the bits are the same on every machine, and no row depends on another one.

    python3 -m tributary.examples.linear [--latent 5x10]
"""

from __future__ import annotations

import argparse
import hashlib
import math
from typing import List

import numpy as np

import tributary

FEATURES = 4
SIDE, CELLS = 32, 8


class Linear(tributary.Model):
    def __init__(self, latent=(5, 10)):
        self.latent = tuple(latent)
        self.count = math.prod(self.latent)
        # Cells of 4×4 pixels show three latent numbers each, again from the first where they end.
        rows, columns = np.indices((SIDE, SIDE)) * CELLS // SIDE
        self.shown = (3 * (CELLS * rows + columns)[..., None] + np.arange(3)) % self.count

    def describe(self) -> tributary.Contract:
        vector = [self.count]
        return tributary.Contract(
            name="linear", version="1", latent=self.latent,
            parameters={"scale": vector, "tilt": vector, "shift": vector, "drift": vector,
                        "mix": [self.count, FEATURES]},
            base=tributary.digest_of(["linear 1"]),
            class_="float32, one rounding an operation", exact=True, row_invariant=True,
            pullback_exact=True, picture=(SIDE, SIDE), guidance="linear", evaluations=2,
            max_rows=4096, slots=16, prompts=100_000)

    def initial(self, seed):
        """Multiples of 1/1024 in −1/8 … 1/8, from a hash of the seed."""
        drawn = hashlib.shake_128(str(seed).encode()).digest(self.count * (4 + FEATURES))
        numbers = (np.frombuffer(drawn, np.uint8).astype(np.float32) - 128) / np.float32(1024)
        parts = np.split(numbers, np.arange(1, 5) * self.count)
        names = ("scale", "tilt", "shift", "drift", "mix")
        return dict(zip(names, (*parts[:4], parts[4].reshape(self.count, FEATURES))))

    def encode(self, prompts) -> List[np.ndarray]:
        """e [4] of each prompt."""
        return [features(prompt.text) for prompt in prompts]

    def velocities(self, theta, x, sigma, encoded, guidance):
        own = self.network(theta, x, sigma, np.stack(encoded))
        if guidance == 1:
            return own
        none = self.network(theta, x, sigma, np.zeros((len(x), FEATURES), np.float32))
        w = np.float32(guidance)
        return w * own + (np.float32(1) - w) * none

    def network(self, theta, x, sigma, e):
        """v [R, D] of rows with features e [R, 4]."""
        x, sigma = x.reshape(len(x), self.count), sigma[:, None]
        v = (theta["scale"] + sigma * theta["tilt"]) * x + theta["shift"] + sigma * theta["drift"]
        for k in range(FEATURES):
            v = v + e[:, k:k + 1] * theta["mix"][:, k]
        return v

    def pullback(self, theta, x, sigma, encoded, guidance, slopes):
        """Both evaluations have the same ∂v/∂θ but for e, so their weights add up to 1 there."""
        x, slopes = x.reshape(len(x), self.count), slopes.reshape(len(x), self.count)
        w = np.float32(guidance)
        gradient = {name: np.zeros(self.count, np.float32)
                    for name in ("scale", "tilt", "shift", "drift")}
        mix = np.zeros((self.count, FEATURES), np.float32)
        for row, slope in enumerate(slopes):
            gradient["scale"] += slope * x[row]
            gradient["tilt"] += sigma[row] * slope * x[row]
            gradient["shift"] += slope
            gradient["drift"] += sigma[row] * slope
            mix += slope[:, None] * (w * encoded[row])
        return {**gradient, "mix": mix}

    def pictures(self, x):
        pixels = np.clip(np.float32(127.5) * (x.reshape(len(x), self.count) + np.float32(1)), 0, 255)
        return pixels.astype(np.uint8)[:, self.shown]


def features(text: str) -> np.ndarray:
    """Four multiples of 1/128 in −1 … 1; zero for the empty text."""
    if not text:
        return np.zeros(FEATURES, np.float32)
    digest = hashlib.blake2b(text.encode(), digest_size=FEATURES).digest()
    return (np.frombuffer(digest, np.uint8).astype(np.float32) - 128) / np.float32(128)


def latent(text: str) -> tuple:
    """(5, 10) of "5x10"."""
    sides = tuple(int(side) for side in text.split("x"))
    if min(sides) < 1:
        raise ValueError
    return sides


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a small linear model for Tributary")
    parser.add_argument("--latent", type=latent, default=(5, 10), metavar="5x10")
    tributary.serve(Linear(parser.parse_args().latent))
