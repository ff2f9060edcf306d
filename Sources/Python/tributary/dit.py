"""The built-in network of Tributary in PyTorch: the same names, shapes and order of parameters.

A diffusion transformer with adaLN-zero (Peebles & Xie 2022, arXiv:2212.09748). Latent tokens are
conditioned on σ and attend to their prompt and to themselves; prompt tokens are conditioned on a
learned constant and attend to the prompt alone. Linear weights are [inputs, outputs].
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import nn

from .failures import Refusal

TIME_FEATURES = 64
# Prompts and σ of one call come in multiples of so many, so that what is made of one does not depend on how
# many there are.
PADDING = 8
NO_PROMPT = (0,)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Sizes of the network; `words` counts the vocabulary, `longest` a prompt's words."""

    tokens: int
    channels: int
    words: int
    longest: int
    width: int
    depth: int
    heads: int

    def __post_init__(self) -> None:
        if min(dataclasses.astuple(self)) < 1:
            raise Refusal("every size of the network must be 1 or more")
        if self.width % self.heads:
            raise Refusal(f"a width of {self.width} cannot be cut into {self.heads} heads")

    def __str__(self) -> str:
        return (f"dit latent {self.tokens}x{self.channels} words {self.words} prompt {self.longest}"
                f" width {self.width} depth {self.depth} heads {self.heads}")

    @classmethod
    def parsed(cls, line: str) -> "Architecture":
        """The architecture that a base file's metadata names."""
        found = re.fullmatch(r"dit latent (\d+)x(\d+) words (\d+) prompt (\d+) width (\d+)"
                             r" depth (\d+) heads (\d+)", line)
        if not found:
            raise Refusal(f"the base file's architecture is not understood: {line[:80]!r}")
        return cls(*map(int, found.groups()))

    @property
    def parameters(self) -> Dict[str, List[int]]:
        """Names and shapes in the order of θ. What has one row has the shape [columns]."""
        width, table = self.width, {}

        def add(name: str, rows: int, columns: int) -> None:
            table[name] = [columns] if rows == 1 else [rows, columns]

        def linear(name: str, inputs: int, outputs: int) -> None:
            add(f"{name}.weight", inputs, outputs)
            add(f"{name}.bias", 1, outputs)

        linear("latent_in.0", self.channels, width)
        linear("latent_in.1", width, width)
        add("latent_position", self.tokens, width)
        add("words", self.words, width)
        add("word_position", self.longest, width)
        linear("time.0", TIME_FEATURES, width)
        linear("time.1", width, width)
        add("prompt_condition", 1, width)
        for block in range(self.depth):
            linear(f"blocks.{block}.modulation", width, 6 * width)
            linear(f"blocks.{block}.qkv", width, 3 * width)
            linear(f"blocks.{block}.attention_out", width, width)
            linear(f"blocks.{block}.mlp_in", width, 4 * width)
            linear(f"blocks.{block}.mlp_out", 4 * width, width)
        linear("final.modulation", width, 2 * width)
        linear("latent_out", width, self.channels)
        return table


class Linear(nn.Module):
    """x W + b with W [inputs, outputs]."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        # One column in a table of one row has the shape of a vector.
        weight = self.weight.reshape(x.shape[-1], -1)
        return torch.addmm(self.bias, flat, weight).reshape(*x.shape[:-1], -1)


def as_torch(network: nn.Module) -> nn.Module:
    """The same network with torch's own linear layers, W [outputs, inputs], as peft wants them."""
    for name, part in network.named_children():
        if not isinstance(part, Linear):
            as_torch(part)
            continue
        weight = part.weight.data.reshape(-1, part.bias.numel()).T
        own = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
        own.weight.data.copy_(weight)
        own.bias.data.copy_(part.bias.data)
        network.register_module(name, own)
    return network


def modulate(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """(1 + scale)·(x − mean)/√(variance + 10⁻⁶) + shift."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def gelu(x: torch.Tensor) -> torch.Tensor:
    return F.gelu(x, approximate="tanh")


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.modulation = Linear(width, 6 * width)
        self.qkv = Linear(width, 3 * width)
        self.attention_out = Linear(width, width)
        self.mlp_in = Linear(width, 4 * width)
        self.mlp_out = Linear(4 * width, width)

    def queries_keys_values(self, x, modulation):
        """Each [R, heads, tokens, width/heads], and what is left of the modulation."""
        shift, scale, *rest = modulation.chunk(6, -1)
        qkv = self.qkv(modulate(x, shift, scale)).unflatten(-1, (3, self.heads, -1))
        return qkv.permute(2, 0, 3, 1, 4).unbind(0), rest

    def forward(self, x, modulation, mask, prompt=None):
        """x [R, tokens, width] one block on, and its own keys and values.

        modulation [R or 1, 1, 6·width]; mask [R or 1, 1, 1, keys] is added to the weights of keys; `prompt`
        are keys and values [R or 1, heads, words, …] that stand before the own ones.
        """
        (q, k, v), (gate1, shift2, scale2, gate2) = self.queries_keys_values(x, modulation)
        own = k, v
        if prompt is not None:
            k, v = (torch.cat((p.expand(len(x), -1, -1, -1), o), -2) for p, o in zip(prompt, own))
        weights = (q @ k.transpose(-1, -2) * k.shape[-1] ** -0.5 + mask).softmax(-1)
        y = x + gate1 * self.attention_out((weights @ v).transpose(1, 2).flatten(-2))
        h = self.mlp_in(modulate(y, shift2, scale2))
        return y + gate2 * self.mlp_out(gelu(h)), own


class DiT(nn.Module):
    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        width, table = architecture.width, architecture.parameters
        self.latent_in = nn.ModuleList([Linear(architecture.channels, width), Linear(width, width)])
        for name in ("latent_position", "words", "word_position", "prompt_condition"):
            setattr(self, name, nn.Parameter(torch.zeros(table[name])))
        self.time = nn.ModuleList([Linear(TIME_FEATURES, width), Linear(width, width)])
        self.blocks = nn.ModuleList(
            Block(width, architecture.heads) for _ in range(architecture.depth))
        self.final = nn.ModuleDict({"modulation": Linear(width, 2 * width)})
        self.latent_out = Linear(width, architecture.channels)
        # A linear layer with one input has one row, and is [outputs] as in files.
        for name, parameter in self.named_parameters():
            parameter.data = parameter.data.reshape(table[name])

    def trainable(self) -> Dict[str, nn.Parameter]:
        """All parameters in the order of θ."""
        named = dict(self.named_parameters())
        return {name: named[name] for name in self.architecture.parameters}

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, prompts: Sequence[Tuple[int, ...]],
                read: Optional[Reading] = None) -> torch.Tensor:
        """v [R, tokens, channels] of x [R, tokens, channels], σ [R], and the word indices of each row.

        `read` is what these prompts were read as, where that is known.
        """
        read = self.read(prompts) if read is None else read
        places = [read.places[words] for words in prompts]
        mask = F.pad(_of_rows(read.mask, places), (0, x.shape[1]))
        # Most rows share their σ with others: what is made of it is made once.
        values, sigmas = torch.unique(sigma, return_inverse=True)
        sigmas = sigmas.tolist()
        values = F.pad(values, (0, -len(values) % PADDING))
        condition = F.silu(self.time[1](F.silu(self.time[0](self.features(values)))))[:, None]
        h = self.latent_in[1](gelu(self.latent_in[0](x)))
        h = h + self.latent_position.reshape(x.shape[1], -1)
        for block, keys in zip(self.blocks, read.keys):
            modulation = _of_rows(block.modulation(condition), sigmas)
            h, _ = block(h, modulation, mask, [_of_rows(part, places) for part in keys])
        modulation = _of_rows(self.final["modulation"](condition), sigmas)
        shift, scale = modulation.chunk(2, -1)
        return self.latent_out(modulate(h, shift, scale))

    def features(self, sigma: torch.Tensor) -> torch.Tensor:
        """[R, 64]: sines of 1000 σ at 32 frequencies from 1 to 10⁻⁴, then cosines."""
        half = TIME_FEATURES // 2
        steps = torch.arange(half, dtype=torch.float64, device=sigma.device) / (half - 1)
        angle = 1000 * sigma.double()[:, None] * torch.exp(-math.log(10_000) * steps)
        return torch.cat((angle.sin(), angle.cos()), -1).float()

    def read(self, prompts: Sequence[Tuple[int, ...]]) -> Reading:
        """What rows see of their prompts. Those that rows share are read once."""
        places = {words: n for n, words in enumerate(dict.fromkeys(prompts))}
        read = list(places) + [NO_PROMPT] * (-len(places) % PADDING)
        longest, device = self.architecture.longest, self.words.device
        index = torch.tensor([[*words, *[0] * (longest - len(words))] for words in read], device=device)
        lengths = torch.tensor([len(words) for words in read], device=device)
        absent = torch.arange(longest, device=device) >= lengths[:, None]
        mask = torch.zeros(absent.shape, device=device).masked_fill(absent, -torch.inf)[:, None, None]
        h = self.words[index] + self.word_position.reshape(longest, self.architecture.width)
        condition = F.silu(self.prompt_condition)[None, None]
        keys = []
        for block in self.blocks[:-1]:
            h, own = block(h, block.modulation(condition), mask)
            keys.append(own)
        last = self.blocks[-1]
        (_, k, v), _ = last.queries_keys_values(h, last.modulation(condition))
        return Reading(places, mask, [*keys, (k, v)])


@dataclasses.dataclass
class Reading:
    """Prompts as latent tokens see them: each one's place, a mask of keys [prompts, 1, 1, words], and
    each block's keys and values [prompts, heads, words, width/heads]."""

    places: Dict[Tuple[int, ...], int]
    mask: torch.Tensor
    keys: List[Tuple[torch.Tensor, torch.Tensor]]


def _of_rows(table: torch.Tensor, places: List[int]) -> torch.Tensor:
    """The rows of a table at these places; one row where all of them are the same."""
    same = places.count(places[0]) == len(places)
    return table[places[0]:places[0] + 1] if same else table[torch.tensor(places, device=table.device)]
