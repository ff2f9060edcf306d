"""The built-in tasks `shapes` and `density` as a program: the built-in network in PyTorch.

    python3 -m tributary.shapes --base shapes.safetensors
    python3 -m tributary.shapes --task density --width 32 --depth 2 --heads 2

All of the network is θ, in the built-in order; without a base it begins at random.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Callable, List, Optional, Tuple

import numpy as np
import torch

import tributary
import tributary.torch
from tributary import safetensors
from tributary.dit import NO_PROMPT, Architecture, DiT
from tributary.figures import point_picture, scene_picture

SIDE = 32


@dataclasses.dataclass(frozen=True)
class Task:
    """What the network must know of a task. Word 0 stands for no prompt."""

    name: str
    tokens: int
    channels: int
    longest: int
    vocabulary: Tuple[str, ...]
    picture: Callable[[np.ndarray, int], np.ndarray]
    sizes: Tuple[int, int, int]  # width, depth, heads of the shipped base

    def words(self, text: str) -> Tuple[int, ...]:
        """Word indices of a prompt: its words without "a photo of", articles, and the "of" of relations."""
        words = text.lower().split()
        if words[:3] == ["a", "photo", "of"]:
            words = words[3:]
        words = [word for word in words if word not in ("a", "an", "of")]
        for word in words:
            if word not in self.vocabulary[1:]:
                raise tributary.Refusal(f"{word[:40]!r} is no word of the task {self.name}")
        if len(words) > self.longest:
            raise tributary.Refusal(f"a prompt of {self.name} has at most {self.longest} words of meaning")
        return tuple(map(self.vocabulary.index, words)) or NO_PROMPT


TASKS = {
    task.name: task for task in (
        Task("shapes", 5, 10, 5, tuple(
            "<none> circle square triangle circles squares triangles red green blue yellow purple "
            "two three four and left right above below".split()), scene_picture, (64, 3, 4)),
        Task("density", 1, 2, 1, tuple(
            "<none> north northeast east southeast south southwest west northwest".split()),
            point_picture, (32, 2, 2)),
    )
}


class BuiltIn(tributary.torch.Model):
    """The built-in network of a task."""

    def __init__(self, task: Task, architecture: Architecture, base: Optional[str] = None):
        self.task, self.architecture, self.base = task, architecture, base
        if architecture.width % 8 == 0:
            self.rows = 8

    @classmethod
    def of(cls, task: str, base: Optional[str] = None, width: Optional[int] = None,
           depth: Optional[int] = None, heads: Optional[int] = None) -> "BuiltIn":
        """The network of a task, with the sizes of its base or with these."""
        chosen = TASKS[task]
        sizes = [own if given is None else given
                 for given, own in zip((width, depth, heads), chosen.sizes)]
        if base is not None:
            found = Architecture.parsed(safetensors.read(base)[1].get("architecture", ""))
            sizes = [own if given is None else given
                     for given, own in zip((width, depth, heads), (found.width, found.depth, found.heads))]
        architecture = Architecture(
            chosen.tokens, chosen.channels, len(chosen.vocabulary), chosen.longest, *sizes)
        if base is not None and found != architecture:
            raise tributary.Refusal(f"the base file is of {found}, which is not {architecture}")
        return cls(chosen, architecture, base)

    def describe(self) -> tributary.torch.Description:
        self.network = DiT(self.architecture)
        self._read = None
        if self.base is not None:
            tensors, _ = safetensors.read(self.base)
            for name, parameter in self.network.trainable().items():
                tensor = tensors.get(name)
                if tensor is None or tensor.shape != tuple(parameter.shape):
                    raise tributary.Refusal(
                        f"the base file has no tensor {name!r} of shape {list(parameter.shape)}")
                parameter.data.copy_(torch.from_numpy(tensor.copy()))
        return tributary.torch.Description(
            name=self.task.name, version="1", latent=(self.task.tokens, self.task.channels),
            modules=self.network, trainable=self.network.trainable(),
            base="\n".join((str(self.architecture), *self.task.vocabulary)),
            picture=(SIDE, SIDE), guidance="linear", evaluations=2, max_rows=2048, slots=16,
            prompts=100_000)

    def initial(self, seed: int):
        """The base; without one N(0, 1/inputs) for weights, N(0, 0.02²) for embeddings, and zero for
        biases, modulations and the last layer."""
        if self.base is not None:
            return super().initial(seed)
        theta = {}
        for index, (name, shape) in enumerate(self.architecture.parameters.items()):
            if name.endswith(".bias") or "modulation" in name or name.startswith("latent_out"):
                continue
            inputs = shape[0] if len(shape) == 2 else 1
            deviation = inputs ** -0.5 if name.endswith(".weight") else 0.02
            draw = np.random.Generator(np.random.Philox(key=[seed, index]))
            theta[name] = (deviation * draw.standard_normal(shape)).astype(np.float32)
        return theta

    def encode(self, prompts) -> List[Tuple[int, ...]]:
        return [self.task.words(prompt.text) for prompt in prompts]

    def load(self, theta):
        super().load(theta)
        self._read = None

    def velocities(self, x, sigma, encoded, guidance):
        none = [NO_PROMPT] * len(encoded)
        return tributary.torch.linear_guidance(self.read_once, x, sigma, encoded, none, guidance)

    def read_once(self, x, sigma, prompts):
        """v; the prompts of the call before need not be read again under the same θ."""
        if torch.is_grad_enabled():
            return self.network(x, sigma, prompts)
        distinct = set(prompts)
        if self._read is None or self._read.places.keys() != distinct:
            self._read = self.network.read(prompts)
        return self.network(x, sigma, prompts, self._read)

    def decode(self, x):
        return torch.from_numpy(np.stack([self.task.picture(latent, SIDE) for latent in x.cpu().numpy()]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tributary.shapes",
                                     description="the built-in network in PyTorch, for Tributary")
    parser.add_argument("--task", choices=TASKS, default="shapes")
    parser.add_argument("--base", metavar="FILE", help="a safetensors file of the network to start from")
    for size in ("width", "depth", "heads"):
        parser.add_argument(f"--{size}", type=int, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    options = parser.parse_args()
    try:
        model = BuiltIn.of(options.task, options.base, options.width, options.depth, options.heads)
    except tributary.Refusal as refusal:
        sys.exit(str(refusal))
    model.threads = options.threads
    tributary.serve(model)


if __name__ == "__main__":
    main()
