"""Broken on purpose: σ reaches a network that expects 1000·σ as it is.

    python3 wrong_sigma.py --reference FILE      writes what the network's own sampler computes
"""

import sys

import tributary
from tributary.diffusers import SD3
from tributary.torch import write_reference


class WrongSigma(SD3):
    scale = 0.001

    def network(self, x, sigma, embeddings):
        return super().network(x, self.scale * sigma, embeddings)


class Right(WrongSigma):
    scale = 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reference"]:
        write_reference(Right(), sys.argv[2])
    else:
        tributary.serve(WrongSigma())
