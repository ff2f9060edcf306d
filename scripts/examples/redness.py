#!/usr/bin/env python3
"""A reward of your own as a program: how red a picture is, 0...1."""
import base64, json, sys
from pixels import pixels


def redness(png):
    reds = [max(0, red - max(green, blue)) for red, green, blue in pixels(png)]
    return sum(reds) / len(reds) / 255


if __name__ == "__main__":
    for line in sys.stdin:
        images = json.loads(line)["images"]
        scores = [redness(base64.b64decode(image)) for image in images]
        print(json.dumps({"rewards": scores}), flush=True)
