#!/usr/bin/env python3
"""Draws an evaluation's pictures again with diffusers and stock peft, and says how far they are from its own.

usage: scripts/readers/plain_adapter.py TRANSFORMER ADAPTER RECORD STEPS

Nothing of Tributary is imported. TRANSFORMER is what diffusers saved, ADAPTER what `tributary export` wrote, RECORD what
scripts/support/recorded_sd3.py kept: noises, texts, embeddings and pictures. Exit code 4: a picture that differs
by more than a step of 255 anywhere, or an adapter that changes nothing.
"""

import glob
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import diffusers
import numpy as np
import peft
import torch

transformer, adapter, record, steps = sys.argv[1:4] + [int(sys.argv[4])]
torch.set_num_threads(1)
diffusers.utils.logging.disable_progress_bar()
with_adapter = peft.PeftModel.from_pretrained(
    diffusers.SD3Transformer2DModel.from_pretrained(transformer, local_files_only=True), adapter).eval()


def drawn(noises, texts, embeddings):
    """Pictures, uint8: Euler's steps from σ = 1 to 0, x₀'s first three channels as colours."""
    tokens, pooled = (torch.from_numpy(np.stack([embeddings[f"{text}/{name}"] for text in texts]))
                      for name in ("tokens", "pooled"))
    x, sigmas = torch.from_numpy(noises), [1 - step / steps for step in range(steps + 1)]
    with torch.no_grad():
        for now, following in zip(sigmas, sigmas[1:]):
            v = with_adapter(x, timestep=torch.full((len(x),), 1000 * now), encoder_hidden_states=tokens,
                             pooled_projections=pooled, return_dict=False)[0]
            x = x + (following - now) * v
    shown = torch.sigmoid(x[:, :3]).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return (255 * shown).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


assert not any(name.split(".")[0] == "tributary" for name in sys.modules)
worst, differing, values, count, without = 0, 0, 0, 0, 0
for file in sorted(glob.glob(os.path.join(record, "*.npz"))):
    kept = np.load(file)
    made = drawn(kept["noises"], kept["texts"], kept)
    distance = np.abs(made.astype(int) - kept["pictures"].astype(int))
    worst, differing = max(worst, distance.max()), differing + (distance > 0).sum()
    values, count = values + distance.size, count + len(made)
    with with_adapter.disable_adapter():
        off = drawn(kept["noises"], kept["texts"], kept)
    without = max(without, np.abs(off.astype(int) - kept["pictures"].astype(int)).max())
if count == 0:
    sys.exit(f"{record} holds no pictures")
is_right = worst <= 1 < without
print(f"{count} pictures, {values} values: max |Δ| {worst} of 255, {differing} values differ; with the adapter off"
      f" max |Δ| {without}: {'ok' if is_right else 'FAILED'}")
sys.exit(0 if is_right else 4)
