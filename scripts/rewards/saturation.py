#!/usr/bin/env python3
"""How colourful a picture is, 0 … 1: the mean saturation that Pillow's ImageStat finds in HSV."""
import base64, io, json, sys
from PIL import Image, ImageStat

for line in sys.stdin:
    pictures = [Image.open(io.BytesIO(base64.b64decode(image))) for image in json.loads(line)["images"]]
    means = [ImageStat.Stat(picture.convert("HSV")).mean for picture in pictures]
    print(json.dumps({"rewards": [saturation / 255 for _, saturation, _ in means]}), flush=True)
