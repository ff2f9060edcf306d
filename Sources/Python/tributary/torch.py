"""A model in PyTorch: what its user writes, and autograd for the rest.

    class Mine(tributary.torch.Model):
        def describe(self): ...                                 # a Description
        def encode(self, prompts): ...                          # a list, one entry a prompt
        def velocities(self, x, sigma, encoded, guidance): ...  # v
        def decode(self, x): ...                                # pictures, if there are any
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

# MKL's own choice of kernels gives a row other bits at odd places than at even ones where a layer has few
# outputs; strict kernels of the same instructions do not. It looks when it is first called.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

import torch
from torch import nn

from . import safetensors
from .contract import Contract, Prompt
from .description import Description, base_digest, class_line
from .failures import Refusal, Retry
from .program import Program, Rows

__all__ = ["Description", "Model", "linear_guidance", "write_reference"]


@dataclasses.dataclass
class Graph:
    """What `velocities` left for the `pullback` of the same rows."""

    call: int
    kept: Any
    rows: Rows
    outputs: List[torch.Tensor]

    def is_of(self, call: Optional[int], kept: Any, rows: Rows) -> bool:
        own = self.rows
        return (
            call == self.call and kept is self.kept and rows.guidance == own.guidance
            and np.array_equal(rows.x, own.x) and np.array_equal(rows.sigma, own.sigma)
            and len(rows.encoded) == len(own.encoded)
            and all(a is b for a, b in zip(rows.encoded, own.encoded)))


class Model(Program):
    """Write `describe` and `velocities`; `encode`, `decode` and `initial` where there is need.

    The network sees multiples of `rows` rows, exactly `rows` of them where `fixed`. On one thread of a
    CPU, 32 is enough for a row's bits not to depend on its neighbours: with 16, silu and gelu of odd
    widths still differ. Networks whose widths are multiples of 8 may do with 8; `tributary model check`
    tells. Elsewhere `fixed` is the default, so that at least all calls are of one size.
    """

    rows = 32
    fixed: Optional[bool] = None
    threads = 1
    deterministic = True
    """Whether only deterministic kernels of a device are used."""
    always_with_graph = False
    """Set it where the network computes other bits without a graph than with one."""

    def describe(self) -> Description:
        raise NotImplementedError

    def velocities(self, x: torch.Tensor, sigma: torch.Tensor, encoded: List[Any],
                   guidance: float) -> torch.Tensor:
        """v [R, *latent] at x [R, *latent] and sigma [R], on the modules' device.

        `encoded` has one entry a row; rows of one prompt have the very same object.
        """
        raise NotImplementedError

    def decode(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures of the final x: uint8 [R, H, W, 3], or numbers in 0 … 1 [R, 3, H, W]."""
        raise Refusal("this model decodes no pictures")

    def initial(self, seed: int) -> Mapping[str, np.ndarray]:
        """θ of version 0: by default what the modules had when `describe` returned them."""
        return self._start

    # What the server calls.

    def start(self, seed: int, role: str) -> None:
        torch.set_num_threads(self.threads)
        torch.manual_seed(seed)
        # The fast path of attention layers is taken without a graph alone, and has other bits.
        if hasattr(torch.backends, "mha"):
            torch.backends.mha.set_fastpath_enabled(False)
        if self.deterministic and torch.cuda.is_available():
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)

    def contract(self) -> Contract:
        described = self.describe()
        if not isinstance(described, Description):
            raise Refusal(f"describe returned a {type(described).__name__} and no Description")
        self._described = described
        self._loaded: Any = None
        self._graph: Optional[Graph] = None
        for module in described.named_modules.values():
            module.eval()
        self._names = self._choose()
        trainable = self._trainable()
        self._places = self._places_of(trainable)
        for name, parameter in trainable.items():
            if parameter.dtype != torch.float32:
                raise Refusal(f"the trainable parameter {name!r} is {parameter.dtype}; "
                              "float32 is wanted of what is trained")
        self._start = {name: _array(parameter) for name, parameter in trainable.items()}
        self._contract_shapes = {name: list(p.shape) or [1] for name, p in trainable.items()}
        self._device = next(iter(trainable.values())).device
        cpu = self._device.type == "cpu"
        if self.fixed is None:
            self.fixed = not cpu
        exact = cpu or (self._device.type == "cuda" and self.deterministic)
        padding = f"rows {'of' if self.fixed else 'to multiples of'} {self.rows}"
        decide = lambda said, otherwise: otherwise if said is None else said
        return Contract(
            name=described.name, version=described.version, latent=described.latent,
            parameters=self._contract_shapes,
            base=base_digest(described, self._names),
            class_=class_line(described, self._device, self.threads, self.deterministic, padding),
            picture=described.picture, guidance=described.guidance,
            evaluations=described.evaluations, exact=decide(described.exact, exact),
            row_invariant=decide(described.row_invariant, cpu and self.threads == 1),
            pullback_exact=decide(described.pullback_exact, exact), max_rows=described.max_rows,
            slots=described.slots, prompts=described.prompts, metadata=described.metadata)

    def encoded(self, prompt):
        with self._memory(), torch.no_grad():
            return super().encoded(prompt)

    def apply(self, theta: Dict[str, np.ndarray]) -> Dict[str, nn.Parameter]:
        with self._memory():
            shapes = {name: p.shape for name, p in self._trainable().items()}
            kept = {name: nn.Parameter(torch.from_numpy(part).to(self._device).view(shapes[name]))
                    for name, part in theta.items()}
            self._use(kept)
        return kept

    def applied(self, kept: Dict[str, nn.Parameter]) -> Dict[str, np.ndarray]:
        """Read again from the modules, so that the digest is of what the network computes with."""
        self._use(kept)
        shapes = self._contract_shapes
        return {name: _array(p).reshape(shapes[name]) for name, p in self._trainable().items()}

    def forward(self, kept: Any, rows: Rows, call: Optional[int]) -> np.ndarray:
        self._use(kept)
        if call is not None:
            self._graph = None
            try:
                outputs = self._outputs(rows, with_graph=True)
                self._graph = Graph(call, kept, rows, outputs)
                return self._v(outputs, rows)
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
            self._free()
        with self._memory():
            return self._v(self._outputs(rows, with_graph=self.always_with_graph), rows)

    def backward(self, kept: Any, rows: Rows, slopes: np.ndarray,
                 call: Optional[int]) -> Dict[str, np.ndarray]:
        graph, self._graph = self._graph, None
        if graph is not None and not graph.is_of(call, kept, rows):
            graph = None
        with self._memory():
            self._use(kept)
            trainable = self._trainable()
            total: List[Optional[torch.Tensor]] = [None] * len(trainable)
            for number, (start, end, size) in enumerate(self._parts(len(rows.sigma))):
                if graph is not None:
                    output, graph.outputs[number] = graph.outputs[number], None
                else:
                    output = self._output(rows, start, end, size, with_graph=True)
                if not output.requires_grad:
                    raise Refusal("no gradient reaches any parameter: is the adapter applied, and "
                                  "does velocities compute with a graph?")
                slope = torch.zeros(output.shape, dtype=output.dtype, device=output.device)
                slope[:end - start] = torch.from_numpy(slopes[start:end])
                parts = torch.autograd.grad(
                    output, list(trainable.values()), slope, allow_unused=True)
                for k, part in enumerate(parts):
                    if part is not None:
                        total[k] = part if total[k] is None else total[k].add_(part)
            unused = [name for name, part in zip(trainable, total) if part is None]
            if unused and not self._described.may_be_unused:
                raise Refusal(
                    f"no gradient reaches {len(unused)} of {len(trainable)} parameters, such as "
                    f"{unused[0]!r}: is the adapter applied? If it is right, say may_be_unused")
            return {name: np.zeros(p.shape, np.float32) if part is None else _array(part)
                    for (name, p), part in zip(trainable.items(), total)}

    def pictures(self, x: np.ndarray) -> np.ndarray:
        made = []
        with self._memory(), torch.no_grad():
            for start, end, size in self._parts(len(x)):
                made.append(_pixels(self.decode(self._padded(x, start, end, size)))[:end - start])
        return np.concatenate(made)

    def export(self, kept: Any, folder: str) -> None:
        self._use(kept)
        with torch.no_grad():
            self.save(folder)

    def save(self, folder: str) -> None:
        """Writes what the modules hold now; for `tributary export`."""
        raise Refusal("this model has no files of its own to export: give it a method save(folder)")

    # Rows.

    def _parts(self, count: int) -> Iterator[Tuple[int, int, int]]:
        """First row, row behind the last, and rows with padding of each call of the network."""
        if self.fixed:
            for start in range(0, count, self.rows):
                yield start, min(start + self.rows, count), self.rows
        else:
            yield 0, count, -(-count // self.rows) * self.rows

    def _padded(self, array: np.ndarray, start: int, end: int, size: int) -> torch.Tensor:
        """These rows, the last one again and again behind them."""
        part = array[start:end]
        if end - start < size:
            part = np.concatenate((part, np.repeat(part[-1:], size - len(part), axis=0)))
        return torch.from_numpy(np.ascontiguousarray(part)).to(self._device)

    def _outputs(self, rows: Rows, with_graph: bool) -> List[torch.Tensor]:
        return [self._output(rows, *part, with_graph=with_graph)
                for part in self._parts(len(rows.sigma))]

    def _output(self, rows: Rows, start: int, end: int, size: int, with_graph: bool) -> torch.Tensor:
        encoded = rows.encoded[start:end]
        encoded = encoded + encoded[-1:] * (size - len(encoded))
        with torch.set_grad_enabled(with_graph):
            output = self.velocities(
                self._padded(rows.x, start, end, size), self._padded(rows.sigma, start, end, size),
                encoded, rows.guidance)
        shape = (size, *self._described.latent)
        if not isinstance(output, torch.Tensor) or tuple(output.shape) != shape:
            found = list(getattr(output, "shape", [])) or type(output).__name__
            raise Refusal(f"velocities returned {found}; a tensor of shape {list(shape)} is wanted")
        return output.float()

    def _v(self, outputs: List[torch.Tensor], rows: Rows) -> np.ndarray:
        parts = self._parts(len(rows.sigma))
        return np.concatenate([
            _array(output[:end - start]) for output, (start, end, _) in zip(outputs, parts)])

    # Parameters.

    def _choose(self) -> Dict[str, str]:
        """Which parameters are θ: their names in the contract → those in the modules."""
        named, chosen = self._described.named_parameters(), self._described.trainable
        if chosen is None:
            names = {self.public_name(name): name for name, p in named.items() if p.requires_grad}
            count = sum(p.requires_grad for p in named.values())
        else:
            own = {id(parameter): name for name, parameter in named.items()}
            for name, parameter in chosen.items():
                if id(parameter) not in own:
                    raise Refusal(f"the trainable parameter {name!r} is none of the modules'")
            names = {name: own[id(parameter)] for name, parameter in chosen.items()}
            count = len(set(names.values()))
        if not names:
            raise Refusal("none of the modules' parameters has requires_grad, so nothing is trained")
        if len(names) != count:
            raise Refusal("two trainable parameters have one name, or one has two")
        theta = set(names.values())
        for name, parameter in named.items():
            parameter.requires_grad_(name in theta)
        return names

    def public_name(self, name: str) -> str:
        """The contract's name of a parameter that the modules call `name`."""
        return name

    def _trainable(self) -> Dict[str, nn.Parameter]:
        """θ's parameters, looked up in the modules as they are now."""
        named = self._described.named_parameters()
        for name in self._names.values():
            if name not in named:
                raise Refusal(f"the modules have no parameter {name!r} any more")
        return {name: named[own] for name, own in self._names.items()}

    def _places_of(self, trainable: Mapping[str, nn.Parameter]) -> Dict[str, list]:
        """The modules that have each of θ's parameters, and what they call it."""
        names = {id(parameter): name for name, parameter in trainable.items()}
        places: Dict[str, list] = {name: [] for name in trainable}
        seen = set()
        for whole in self._described.named_modules.values():
            for module in whole.modules():
                if id(module) in seen:
                    continue
                seen.add(id(module))
                for own, parameter in module._parameters.items():
                    if id(parameter) in names:
                        places[names[id(parameter)]].append((module, own))
        return places

    def _use(self, kept: Dict[str, nn.Parameter]) -> None:
        """Makes this parameter set the modules' own."""
        if self._loaded is kept:
            return
        self._loaded = None
        self.load(kept)
        self._loaded = kept

    def load(self, theta: Mapping[str, nn.Parameter]) -> None:
        """Puts a parameter set into the modules, in the place of another: nothing is copied, and a
        graph that was kept under the other one stays what it is."""
        for name, places in self._places.items():
            for module, own in places:
                module._parameters[own] = theta[name]

    # Memory.

    @contextlib.contextmanager
    def _memory(self) -> Iterator[None]:
        """A device without memory is a question to ask again."""
        try:
            yield
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            sentence = str(error).strip().partition("\n")[0]
        else:
            return
        self._free()
        raise Retry(f"no memory on the device: {sentence}")

    def _free(self) -> None:
        self._graph = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def linear_guidance(network: Callable, x: torch.Tensor, sigma: torch.Tensor, own: List[Any],
                    none: List[Any], guidance: float) -> torch.Tensor:
    """w·network(x, σ, own) + (1 − w)·network(x, σ, none), both in one call; the first alone for w = 1.

    x [R, *latent], sigma [R]; `own` and `none` have an entry a row, with the prompt and without.
    """
    if guidance == 1:
        return network(x, sigma, own)
    both = network(torch.cat((x, x)), torch.cat((sigma, sigma)), own + none)
    with_prompt, without = both.chunk(2)
    w = np.float32(guidance)
    return float(w) * with_prompt + float(np.float32(1) - w) * without


PLAIN_PROMPTS = ("a red circle", "a blue square", "two green triangles")


def write_reference(model: Model, path: str, own: Optional[Callable] = None,
                    prompts: Sequence[str] = PLAIN_PROMPTS, rows: int = 12, seed: int = 0) -> None:
    """What the model's own code computes, for `tributary model check --reference`.

    `own(x, sigma, text)` is v [1, *latent] at x [1, *latent], a number σ and a text, as the sampler
    that you had before computes it; without it the model's own `encode` and `velocities` are called.
    A small θ that is zero at the beginning or drawn from the seed is moved and goes into the file.
    """
    model.start(seed, "check")
    contract = model.contract()
    theta = {name: np.asarray(part, np.float32) for name, part in model.initial(seed).items()}
    for name, shape in contract.parameters.items():
        theta.setdefault(name, np.zeros(shape, np.float32))
    theta = {name: theta[name].reshape(tuple(shape)) for name, shape in contract.parameters.items()}
    draw, tensors = np.random.default_rng(seed), {}
    if contract.count <= 2**22:
        theta = {name: (part + 0.02 * draw.standard_normal(part.shape)).astype(np.float32)
                 for name, part in theta.items()}
        tensors["theta"] = np.concatenate([part.ravel() for part in theta.values()])
    model._use(model.apply(theta))
    x = draw.standard_normal((rows, *contract.latent)).astype(np.float32)
    sigma = np.linspace(1, 0.05, rows, dtype=np.float32)
    texts = [prompts[row % len(prompts)] for row in range(rows)]

    def asked(x: torch.Tensor, sigma: float, text: str) -> torch.Tensor:
        encoded = model.encoded(Prompt(text))
        return model.velocities(x, torch.full((1,), sigma, device=x.device), [encoded], 1.0)

    with torch.no_grad():
        v = [_array((own or asked)(torch.from_numpy(x[row:row + 1]).to(model._device),
                                   float(sigma[row]), texts[row])) for row in range(rows)]
    tensors.update(x=x.reshape(rows, -1), sigma=sigma, v=np.stack(v).reshape(rows, -1))
    safetensors.write(path, tensors, {"prompts": json.dumps(texts), "seed": str(seed)})


def _array(tensor: torch.Tensor) -> np.ndarray:
    """A copy in numpy, float32."""
    return tensor.detach().to("cpu", torch.float32, copy=True).contiguous().numpy()


def _pixels(pictures: Any) -> np.ndarray:
    """uint8 [R, H, W, 3] of what `decode` may return."""
    if not isinstance(pictures, torch.Tensor) or pictures.dim() != 4:
        raise Refusal("decode must return a tensor, uint8 [R, H, W, 3] or numbers [R, 3, H, W]")
    if pictures.dtype == torch.uint8:
        return pictures.cpu().numpy()
    pictures = pictures.float()
    if not torch.isfinite(pictures).all():
        raise Refusal("decode returned numbers that are not finite")
    return (255 * pictures.clamp(0, 1)).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _is_out_of_memory(error: RuntimeError) -> bool:
    told = str(error).lower()
    return (isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in told
            or "can't allocate memory" in told)
