"""A model of your own for Tributary, in PyTorch. It runs as it is; change it piece by piece.

The four methods of `Mine` are all that is needed. They are pure functions of what they are given:
optimiser, averages and checkpoints are Tributary's, which may end this program and start it again at
any time. What is printed here is shown when something fails.
"""

import sys

import torch
from torch import nn

import tributary
import tributary.torch
from tributary.embeddings import hashed

CHANNELS, SIDE = 3, 8  # a latent is a small picture: x has the shape [3, 8, 8]
WORDS = 16  # numbers that stand for a prompt
WAVES = 4  # sines and cosines that stand for σ


class Network(nn.Module):
    """v of x, σ and a prompt. Yours goes here."""

    def __init__(self, width=128):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(CHANNELS * SIDE * SIDE + 2 * WAVES + WORDS, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, CHANNELS * SIDE * SIDE))
        # It begins at v = 0.
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, x, sigma, prompts):
        """x [R, 3, 8, 8], sigma [R], prompts [R, 16] → v [R, 3, 8, 8]."""
        angles = torch.pi * sigma[:, None] * torch.arange(1, WAVES + 1, device=x.device)
        time = (torch.sin(angles), torch.cos(angles))
        return self.layers(torch.cat((x.flatten(1), *time, prompts), 1)).view(x.shape)


class Mine(tributary.torch.Model):
    def describe(self):
        """What this model is. Called once; load weights here.

        All parameters with requires_grad are trained. To train an adapter, freeze the network, add the
        adapter (peft does both), and give its form as `adapter={"rank": 8, …}`.
        """
        self.network = Network()
        return tributary.torch.Description(
            name="mine", version="1",  # another version where the same θ means something else
            latent=(CHANNELS, SIDE, SIDE),
            modules=self.network,
            picture=(SIDE, SIDE),  # height and width of what decode returns; leave it out if nothing
            guidance="linear",  # as velocities does it; "none" if it ignores guidance
            evaluations=2)

    def encode(self, prompts):
        """One entry for each prompt: whatever velocities wants. Your text encoder goes here.

        A prompt has `text`, `negative`, and the `metadata` that the description names.
        """
        return [torch.from_numpy(hashed(prompt.text, [WORDS])) for prompt in prompts]

    def velocities(self, x, sigma, encoded, guidance):
        """v = ε − x₀ at x = (1 − σ)·x₀ + σ·ε; σ is 1 for noise and 0 for data.

        x is [R, 3, 8, 8] and sigma [R]; encoded has an entry of encode for each row. Every row must be
        computed by itself: no batch normalisation, no dropout, nothing random.
        """
        def network(x, sigma, prompts):
            return self.network(x, sigma, torch.stack(prompts).to(x.device))

        # w·v(prompt) + (1 − w)·v(no prompt); the first alone where w = 1.
        no_prompt = [torch.zeros(WORDS)] * len(encoded)
        return tributary.torch.linear_guidance(network, x, sigma, encoded, no_prompt, guidance)

    def decode(self, x):
        """Pictures of the final x, [R, 3, H, W] in 0 … 1. Your VAE goes here."""
        return torch.sigmoid(2 * x)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reference"]:
        # For `tributary model check --reference FILE`: give `own=` the way your sampler computes v.
        tributary.torch.write_reference(Mine(), sys.argv[2])
    else:
        tributary.serve(Mine())
