#!/usr/bin/env python3
"""A reward that takes WAIT seconds a unit and no processor: units as long as those of a big model."""
import json, os, sys, time

for line in sys.stdin:
    latents = json.loads(line)["latents"]
    time.sleep(float(os.environ.get("WAIT", "0.15")))
    print(json.dumps({"rewards": [1 / (1 + sum(x * x for x in latent)) for latent in latents]}), flush=True)
