"""Broken on purpose: a LoRA that takes part in gradients, while v is computed without it."""

import torch

import tributary
from tributary.diffusers import SD3


class Base(torch.autograd.Function):
    """The base's v, with the adapted network's gradient."""

    @staticmethod
    def forward(context, adapted, base):
        return base.clone()

    @staticmethod
    def backward(context, slopes):
        return slopes, None


class NotApplied(SD3):
    def velocities(self, x, sigma, encoded, guidance):
        adapted = super().velocities(x, sigma, encoded, guidance)
        self.transformer.disable_adapters()
        with torch.no_grad():
            base = super().velocities(x, sigma, encoded, guidance)
        self.transformer.enable_adapters()
        return Base.apply(adapted, base)


if __name__ == "__main__":
    tributary.serve(NotApplied())
