"""`tributary.diffusers`, which also keeps what it is asked where SD3_RECORD names a folder.

A file for each process: noises (x of rows with σ = 1), their texts, and the pictures that it decoded, each in
the order in which they were asked for; and what `encode` makes of each text, as a folder without text encoders has
nobody else to ask.
"""

import os
import sys

import numpy as np

import tributary
from tributary.diffusers import model_of


def record(model, folder):
    os.makedirs(folder, exist_ok=True)
    file = os.path.join(folder, f"{os.getpid()}.npz")
    noises, texts, pictures, embeddings = [], [], [], {}
    forward, encoded, draw = model.forward, model.encoded, model.pictures
    text_of = {}

    def keep():
        if noises and pictures:
            tensors = {f"{text}/{name}": part for text, parts in embeddings.items()
                       for name, part in zip(("tokens", "pooled"), parts)}
            np.savez(file, noises=np.concatenate(noises), texts=np.array(texts),
                     pictures=np.concatenate(pictures), **tensors)

    def kept_encoded(prompt):
        made = encoded(prompt)
        text_of[id(made)] = prompt.text
        embeddings[prompt.text] = [part.numpy() for part in made[0]]
        return made

    def kept_forward(kept, rows, call):
        first = rows.sigma == 1
        if first.any():
            noises.append(rows.x[first].copy())
            texts.extend(text_of[id(row)] for row, is_first in zip(rows.encoded, first) if is_first)
        return forward(kept, rows, call)

    def kept_pictures(x):
        made = draw(x)
        pictures.append(made.copy())
        keep()
        return made

    model.forward, model.encoded, model.pictures = kept_forward, kept_encoded, kept_pictures


model = model_of(sys.argv[1:])
if os.environ.get("SD3_RECORD"):
    record(model, os.environ["SD3_RECORD"])
tributary.serve(model)
