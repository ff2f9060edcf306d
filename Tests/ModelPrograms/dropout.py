"""Broken on purpose: dropout that is never switched off."""

import sys
from pathlib import Path

import torch

import tributary

sys.path.append(str(Path(__file__).parents[2] / "Sources/Product/Configuration/Template"))
from model import Mine  # noqa: E402


class Dropout(Mine):
    def describe(self):
        described = super().describe()
        torch.nn.init.normal_(self.network.layers[-1].weight, std=0.05)
        self.network.layers.insert(2, AlwaysOn())
        return described


class AlwaysOn(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.dropout(x, 0.1, training=True)


if __name__ == "__main__":
    tributary.serve(Dropout())
