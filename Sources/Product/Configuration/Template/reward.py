#!/usr/bin/env python3
"""A reward of your own: how much of the colour that its prompt asks for a picture has, −1 … 1.

It reads one JSON object a line, {"prompts": [...], "images": [PNG in base64, ...]}, and answers each
with {"rewards": [...]}. Equal pictures score alike, as run.yaml says with `deterministic`.
"""
import base64
import json
import struct
import sys
import zlib

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def pixels(png):
    """(red, green, blue) of each pixel, 0 … 255, of an 8-bit RGB PNG that is not interlaced."""
    width, height = struct.unpack(">II", png[16:24])
    data, place = b"", 8
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place:place + 8])
        data += png[place + 8:place + 8 + size] if kind == b"IDAT" else b""
        place += size + 12
    data, row = zlib.decompress(data), 3 * width
    above, found = bytes(row), []
    for start in range(0, height * (row + 1), row + 1):
        method, line = data[start], bytearray(data[start + 1:start + 1 + row])
        for i in range(row if method else 0):
            a, b, c = (line[i - 3] if i >= 3 else 0), above[i], (above[i - 3] if i >= 3 else 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, nearest)[method]) & 255
        found += zip(line[0::3], line[1::3], line[2::3])
        above = line
    return found


def score(prompt, png):
    """The mean of the colour asked for, less the mean of the other two."""
    wanted = next((COLOURS[word] for word in prompt.split() if word in COLOURS), (1, 1, 1))
    found = pixels(png)
    mean = [sum(pixel[k] for pixel in found) / len(found) / 255 for k in range(3)]
    own = [m for m, w in zip(mean, wanted) if w]
    other = [m for m, w in zip(mean, wanted) if not w]
    return sum(own) / len(own) - (sum(other) / len(other) if other else 0)


if __name__ == "__main__":
    for line in sys.stdin:
        question = json.loads(line)
        scores = [score(prompt, base64.b64decode(image))
                  for prompt, image in zip(question["prompts"], question["images"])]
        print(json.dumps({"rewards": scores}), flush=True)
