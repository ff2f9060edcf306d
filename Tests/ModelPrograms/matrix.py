"""A network that does nothing but one matrix product: v = x W for each token, x [tokens, channels], W [channels, channels].

    matrix.py [--latent 1024x64]
"""
import argparse
import math

import numpy as np

import tributary


class Matrix(tributary.Model):
    def __init__(self, latent):
        self.latent = latent

    def describe(self):
        channels = self.latent[-1]
        return tributary.Contract(
            name="matrix", version="1", latent=self.latent, parameters={"weight": [channels, channels]},
            base=tributary.digest_of(["matrix 1"]), exact=True, row_invariant=False, pullback_exact=True,
            picture=(32, 32), guidance="none", evaluations=1, max_rows=256)

    def initial(self, seed):
        numbers = np.random.default_rng(seed).standard_normal((self.latent[-1],) * 2)
        return {"weight": (0.1 * numbers).astype(np.float32)}

    def encode(self, prompts):
        return [None for _ in prompts]

    def velocities(self, theta, x, sigma, encoded, guidance):
        return (x.reshape(-1, self.latent[-1]) @ theta["weight"]).reshape(x.shape)

    def pullback(self, theta, x, sigma, encoded, guidance, slopes):
        channels = self.latent[-1]
        return {"weight": x.reshape(-1, channels).T @ slopes.reshape(-1, channels)}

    def pictures(self, x):
        """The first 3,072 numbers, 0 grey."""
        flat = x.reshape(len(x), -1)[:, :3 * 32 * 32]
        return np.clip(128 + 64 * flat, 0, 255).astype(np.uint8).reshape(len(x), 32, 32, 3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latent", default="1024x64")
    latent = tuple(int(size) for size in parser.parse_args().latent.split("x"))
    assert math.prod(latent) >= 3 * 32 * 32
    tributary.serve(Matrix(latent))
