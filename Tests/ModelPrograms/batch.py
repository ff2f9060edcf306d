"""The linear model with rows that depend on how many there are, and which says so."""

import dataclasses

import numpy as np

import tributary
from tributary.examples.linear import Linear


class Batch(Linear):
    def describe(self):
        return dataclasses.replace(super().describe(), name="batch", row_invariant=False)

    def velocities(self, theta, x, sigma, encoded, guidance):
        v = super().velocities(theta, x, sigma, encoded, guidance)
        return v * np.float32(1 + 1e-5 * (len(x) % 7))


if __name__ == "__main__":
    tributary.serve(Batch((2,)))
