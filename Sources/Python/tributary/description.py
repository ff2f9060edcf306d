"""What a model in torch is made of, and what its contract says of that."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

import torch
from torch import nn

from .contract import digest_of, processor
from .failures import Refusal


@dataclasses.dataclass
class Description:
    """What a model is made of.

    θ are the `trainable` parameters (name → parameter of the modules, in order), or all that have
    `requires_grad`: every one of a small network, or the adapter's after peft has added it. What is
    not θ goes into the contract's base digest by itself; `base` adds what is in no module, such as a
    digest of a text encoder. Three promises are None where the device decides.
    """

    name: str
    version: str
    latent: Sequence[int]
    modules: Union[nn.Module, Mapping[str, nn.Module]]
    trainable: Optional[Mapping[str, nn.Parameter]] = None
    adapter: Optional[Mapping[str, Any]] = None
    base: Union[bytes, str] = b""
    picture: Optional[Tuple[int, int]] = None
    guidance: str = "linear"
    evaluations: int = 2
    exact: Optional[bool] = None
    row_invariant: Optional[bool] = None
    pullback_exact: Optional[bool] = None
    max_rows: int = 1024
    slots: int = 8
    prompts: int = 4096
    metadata: Sequence[str] = ()
    may_be_unused: bool = False
    """Whether it is right that some of θ has no influence on any velocity."""

    @property
    def named_modules(self) -> Mapping[str, nn.Module]:
        return {"": self.modules} if isinstance(self.modules, nn.Module) else self.modules

    def named_parameters(self) -> Dict[str, nn.Parameter]:
        """Every parameter of the modules as they are now."""
        return {_joined(prefix, name): parameter for prefix, module in self.named_modules.items()
                for name, parameter in module.named_parameters()}


def base_digest(described: Description, theta: Mapping[str, str]) -> str:
    """Of frozen parameters and buffers, θ's names and shapes, the adapter's form and `base`.

    `theta` has the contract's name of each trained parameter → its name in the modules.
    """
    named, trained = described.named_parameters(), set(theta.values())

    def parts():
        for name, parameter in named.items():
            if name not in trained:
                yield from ("frozen", name, *_raw(parameter))
        for prefix, module in described.named_modules.items():
            for name, buffer in module.named_buffers():
                yield from ("buffer", _joined(prefix, name), *_raw(buffer))
        for name, own in theta.items():
            yield from ("trained", name, str(list(named[own].shape)))
        yield json.dumps(described.adapter, sort_keys=True, default=_sorted)
        yield described.base

    return digest_of(parts())


def class_line(described: Description, device: torch.device, threads: int, deterministic: bool,
               padding: str) -> str:
    """What the bits of answers depend on."""
    if device.type == "cpu":
        # Libraries choose their kernels by the processor's maker too.
        kind = (f"cpu {processor('vendor_id', 'CPU implementer')} {torch.backends.cpu.get_cpu_capability()} "
                f"mkl {os.environ.get('MKL_CBWR', 'free')}")
    elif device.type == "cuda":
        kind = (f"{torch.cuda.get_device_name(device)} cuda {torch.version.cuda} cudnn "
                f"{torch.backends.cudnn.version()} tf32 {torch.backends.cuda.matmul.allow_tf32} "
                f"deterministic {deterministic}")
    else:
        kind = device.type
    dtypes = " ".join(sorted({_name(p.dtype) for p in described.named_parameters().values()}))
    on = f"{threads} thread" + ("s" if threads != 1 else "")
    return f"torch {torch.__version__}; {kind}; {on}; {dtypes}; {padding}"[:256]


def _raw(tensor: torch.Tensor) -> Tuple[str, bytes]:
    """Type and shape, and the bytes."""
    if tensor.is_meta:
        raise Refusal("a parameter of the model has no values (it is on the device meta)")
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return f"{_name(tensor.dtype)}{list(tensor.shape)}", flat.view(torch.uint8).numpy().tobytes()


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _sorted(value: Any) -> Any:
    """JSON of what an adapter's configuration has beside JSON's own types."""
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
