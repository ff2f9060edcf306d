"""Does stock peft make of an exported adapter what Tributary makes of it?

    exported_adapter.py BASE MERGED FOLDER

BASE are the weights that the adapter was trained on, MERGED what `tributary merge-adapter` made of both, FOLDER
what `tributary export` wrote. Prints the largest |Δv| on 1,000 rows: peft beside the sum, peft's own sum
beside it, and peft with the adapter off beside the base.
"""

import sys

import numpy as np
import peft
import torch

from tributary import safetensors
from tributary.dit import Architecture, DiT, as_torch

ROWS = 1000


def network(path: str) -> DiT:
    tensors, metadata = safetensors.read(path)
    result = DiT(Architecture.parsed(metadata["architecture"]))
    for name, parameter in result.trainable().items():
        parameter.data.copy_(torch.from_numpy(tensors[name].copy()))
    return result.requires_grad_(False)


def main() -> None:
    torch.set_num_threads(1)
    base, merged, folder = sys.argv[1:]
    architecture = network(base).architecture
    draw = np.random.Generator(np.random.Philox(key=[1, 2]))
    x = torch.from_numpy(draw.standard_normal(
        (ROWS, architecture.tokens, architecture.channels)).astype(np.float32))
    sigma = torch.from_numpy(draw.uniform(0, 1, ROWS).astype(np.float32))
    prompts = [tuple(draw.integers(1, architecture.words, draw.integers(1, architecture.longest + 1)))
               for _ in range(ROWS)]

    def apart(first, second) -> float:
        with torch.no_grad():
            return float((first(x, sigma, prompts) - second(x, sigma, prompts)).abs().max())

    adapted = peft.PeftModel.from_pretrained(as_torch(network(base)), folder)
    moved = apart(network(base), network(merged))
    found = {"peft beside merge-adapter": apart(adapted, network(merged))}
    with adapted.disable_adapter():
        found["adapter off beside the base"] = apart(adapted, network(base))
    found["peft's own sum beside merge-adapter"] = apart(adapted.merge_and_unload(), network(merged))
    for name, value in found.items():
        print(f"max |Δv| {value:.1e}  {name}")
    print(f"max |Δv| {moved:.1e}  what the adapter changes")
    if not moved > 1e-3 or max(found.values()) > 5e-5:
        sys.exit("the exported adapter is another than the run's")


if __name__ == "__main__":
    main()
