"""One whole update of the preset `shapes` in plain PyTorch: float32, eager, one thread.

    update.py                 times updates after two to warm up; prints wall seconds and the CPU split as JSON
    update.py --branches 64   the same with as many branches a step, --prompts and --seeds likewise

The work is that of `tributary bench update`: 12 prompts x 2 seeds x 8 branches x 8 steps of 10. The
network, the rows and the loss are the same; what is good for PyTorch differs: all units go through a
call together, and a prompt's keys and values, which depend neither on the latents nor on sigma, are
made once for all rows and steps that share them.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

import shapes

BASE = Path(__file__).parents[3] / "Sources/World/Tasks/Resources/shapes.safetensors"
TOKENS, CHANNELS, WIDTH, HEADS, DEPTH, WORDS, LONGEST = 5, 10, 64, 4, 3, 20, 5
PROMPTS, SEEDS, BRANCHES, POINTS, STEPS = 12, 2, 8, 8, 10
UNITS, LATENT = PROMPTS * SEEDS, TOKENS * CHANNELS
NOISE_LEVEL, CLIP, BETA, RATE, MINIBATCHES = 0.7, 0.2, 0.1, 5e-4, 2


def modulate(x, shift, scale):
    return F.layer_norm(x, (WIDTH,), eps=1e-6) * (1 + scale) + shift


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.modulation = nn.Linear(WIDTH, 6 * WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.attention_out = nn.Linear(WIDTH, WIDTH)
        self.mlp_in = nn.Linear(WIDTH, 4 * WIDTH)
        self.mlp_out = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, condition, mask, prompt=None):
        """x [units, rows, tokens, width]; condition [1 or rows, 1, width]; prompt: its (k, v).

        Returns x and its own keys and values, [units, rows, heads, tokens, head].
        """
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, -1)
        qkv = self.qkv(modulate(x, shift1, scale1)).unflatten(-1, (3, HEADS, -1))
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5)
        own = k, v
        if prompt is not None:
            k, v = (torch.cat((p.expand(-1, x.shape[1], -1, -1, -1), o), -2)
                    for p, o in zip(prompt, own))
        weights = (q @ k.transpose(-1, -2) * k.shape[-1] ** -0.5 + mask).softmax(-1)
        h = self.attention_out((weights @ v).transpose(-2, -3).flatten(-2))
        y = x + gate1 * h
        h = self.mlp_in(modulate(y, shift2, scale2))
        return y + gate2 * self.mlp_out(F.gelu(h, approximate="tanh")), own


class DiT(nn.Module):
    """The velocity network of Sources/Numbers/Network/DiT.swift, with its parameter names."""

    def __init__(self):
        super().__init__()
        self.latent_in = nn.ModuleList([nn.Linear(CHANNELS, WIDTH), nn.Linear(WIDTH, WIDTH)])
        self.latent_position = nn.Parameter(torch.zeros(TOKENS, WIDTH))
        self.words = nn.Parameter(torch.zeros(WORDS, WIDTH))
        self.word_position = nn.Parameter(torch.zeros(LONGEST, WIDTH))
        self.time = nn.ModuleList([nn.Linear(64, WIDTH), nn.Linear(WIDTH, WIDTH)])
        self.prompt_condition = nn.Parameter(torch.zeros(WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.final = nn.ModuleDict({"modulation": nn.Linear(WIDTH, 2 * WIDTH)})
        self.latent_out = nn.Linear(WIDTH, CHANNELS)

    def load(self, path):
        """Linear weights are [inputs, outputs] in the file."""
        weights = load_file(path)
        self.load_state_dict({k: v.T if k.endswith(".weight") else v for k, v in weights.items()})
        return self

    def encode(self, requests):
        """What latents see of their prompts: an additive mask and each block's keys and values."""
        words = [r.words for r in requests]
        real = torch.tensor([[i < len(w) for i in range(LONGEST)] for w in words])
        index = torch.tensor([w + [0] * (LONGEST - len(w)) for w in words])
        mask = torch.zeros(real.shape).masked_fill(~real, -torch.inf)[:, None, None, None]
        x = (self.words[index] + self.word_position)[:, None]
        condition = F.silu(self.prompt_condition)[None, None]
        keys = []
        for block in self.blocks:
            x, own = block(x, condition, mask)
            keys.append(own)
        return F.pad(mask, (0, TOKENS)), keys

    def forward(self, x, sigma, prompts):
        """v of x [units, rows, D] at sigma [1 or rows], for the units' encoded prompts."""
        mask, keys = prompts
        frequency = torch.exp(-np.log(1e4) * torch.arange(32, dtype=torch.float64) / 31)
        angle = 1000 * sigma.double()[:, None] * frequency
        features = torch.cat((angle.sin(), angle.cos()), -1).float()
        condition = F.silu(self.time[1](F.silu(self.time[0](features))))[:, None]
        h = F.gelu(self.latent_in[0](x.unflatten(-1, (TOKENS, CHANNELS))), approximate="tanh")
        h = self.latent_in[1](h) + self.latent_position
        for block, prompt in zip(self.blocks, keys):
            h, _ = block(h, condition, mask, prompt)
        shift, scale = self.final["modulation"](condition).chunk(2, -1)
        return self.latent_out(modulate(h, shift, scale)).flatten(-2)


SIGMAS = torch.linspace(1, 0, STEPS + 1, dtype=torch.float64)
_dt = SIGMAS[1:] - SIGMAS[:-1]
# Flow-SDE of the branching steps: x' = state * x + velocity * v + deviation * noise.
_sigma, _step = SIGMAS[:POINTS], _dt[:POINTS]
_g2 = NOISE_LEVEL**2 * _sigma / (1 - torch.where(_sigma == 1, SIGMAS[1], _sigma))
STATE = (1 + _g2 / (2 * _sigma) * _step).float()[:, None]
VELOCITY = ((1 + _g2 * (1 - _sigma) / (2 * _sigma)) * _step).float()[:, None]
DEVIATION = (_g2 * -_step).sqrt().float()
WEIGHT = DEVIATION / DEVIATION.mean()
SIGMAS, DT = SIGMAS.float(), _dt.float()


def log_density(x, v, following):
    """Of next states [units, points, branches, D], without constants: they cancel in a ratio."""
    mean = (STATE * x + VELOCITY * v)[:, :, None]
    return -((following - mean).double() ** 2).sum(-1) / (2 * DEVIATION[:, None] ** 2)


@torch.no_grad()
def rollout(net, requests, initial, noise):
    """The trunk of every unit, its branches, and their ends by ODE; all live rows in one call.

    initial [units, D]; noise [units, points, branches, D]. Returns the branching points' states
    [units, points, D], the branches' next states and log-densities, and the final latents.
    """
    prompts = net.encode(requests)
    trunk, live = initial[:, None], initial[:, None][:, :0]
    states, nexts, velocities = [], [], []
    for i in range(STEPS):
        x = torch.cat((trunk, live), 1) if i < POINTS else live
        v = net(x, SIGMAS[i : i + 1], prompts)
        live = (x + DT[i] * v)[:, 1 if i < POINTS else 0 :]
        if i < POINTS:
            here, there = x[:, :1], v[:, :1]
            born = STATE[i] * here + VELOCITY[i] * there + DEVIATION[i] * noise[:, i]
            states.append(here)
            velocities.append(there)
            nexts.append(born)
            live = torch.cat((live, born), 1)
            trunk = here + DT[i] * there
    states, following = torch.cat(states, 1), torch.stack(nexts, 1)
    old = log_density(states, torch.cat(velocities, 1), following)
    return states, following, old, live.unflatten(1, (POINTS, noise.shape[2]))


def advantages(rewards):
    """Within seed groups: rewards [units, points, branches]."""
    centred = rewards - rewards.mean(-1, keepdim=True)
    return (centred / (rewards.std(-1, correction=0, keepdim=True) + 1e-4)).clamp(-5, 5).float()


class Learner:
    """Policy, reference, moving average and optimiser."""

    def __init__(self):
        self.net, self.reference, self.average = (DiT().load(BASE) for _ in range(3))
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0, fused=True)
        self.steps = 0

    def update(self, requests, states, following, old, gain):
        """One optimiser step for each share of the units. Returns what tributary's metrics tell."""
        told = []
        share = len(requests) // MINIBATCHES
        for part in (slice(m * share, (m + 1) * share) for m in range(MINIBATCHES)):
            sigma = SIGMAS[:POINTS]
            with torch.no_grad():
                anchor = self.reference(states[part], sigma, self.reference.encode(requests[part]))
            v = self.net(states[part], sigma, self.net.encode(requests[part]))
            ratio = (log_density(states[part], v, following[part]) - old[part]).exp()
            a, held = gain[part], ratio.clamp(1 - CLIP, 1 + CLIP)
            surrogate = torch.maximum(-a * ratio, -a * held)
            policy, divergence = (WEIGHT * surrogate.mean(-1)).mean(), ((v - anchor) ** 2).mean()
            self.optimizer.zero_grad()
            (policy + BETA * divergence).backward()
            norm = nn.utils.clip_grad_norm_(self.net.parameters(), 1)
            self.optimizer.step()
            decay = min(0.99, (1 + self.steps) / (10 + self.steps))
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(self.average.parameters()), list(self.net.parameters()), 1 - decay)
            self.steps += 1
            clipped = torch.where(a >= 0, ratio > 1 + CLIP, ratio < 1 - CLIP).float()
            told.append((policy, divergence, clipped.mean(), norm, (ratio - 1).abs().max()))
        policy, kl, clipped, norm, _ = (sum(column).item() / MINIBATCHES for column in zip(*told))
        return {"loss/policy": policy, "loss/kl": kl, "clip/share": clipped, "grad/norm": norm,
                "ratio/first_max_dev": told[0][-1].item()}


def score(latents, requests):
    """Soft rewards [units, points, branches] of final latents."""
    each = [r for r in requests for _ in range(latents[0, ..., 0].numel())]
    pictures = shapes.render(latents.reshape(-1, TOKENS, CHANNELS).numpy())
    return torch.from_numpy(shapes.judge(pictures, each)[0]).view(latents.shape[:-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--branches", type=int, default=BRANCHES)
    parser.add_argument("--compile", action="store_true", help="compile the sampling network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    learner, walls, stages = Learner(), [], []
    policy = torch.compile(learner.net, dynamic=True) if options.compile else learner.net
    for _ in range(options.rounds + 2):
        start, marks = time.perf_counter(), [time.process_time()]
        chosen = [c[torch.randint(len(c), ())] for c in shapes.TRAIN * (options.prompts // 6)]
        requests = [r for r in chosen for _ in range(options.seeds)]
        units = len(requests)
        initial = torch.randn(units, LATENT)
        noise = torch.randn(units, POINTS, options.branches, LATENT)
        states, following, old, latents = rollout(policy, requests, initial, noise)
        marks.append(time.process_time())
        gain = advantages(score(latents, requests))
        marks.append(time.process_time())
        learner.update(requests, states, following, old, gain)
        marks.append(time.process_time())
        walls.append(time.perf_counter() - start)
        stages.append([b - a for a, b in zip(marks, marks[1:])])
    split = dict(zip(("rollout", "judge", "learn"), map(statistics.median, zip(*stages[2:]))))
    print(json.dumps({"seconds": statistics.median(walls[2:]), "split": split}))


if __name__ == "__main__":
    main()
