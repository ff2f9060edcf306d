#!/usr/bin/env python3
"""Scores that the pictures do not decide; which ones is in the name that the program is called by."""
import json, os, sys, time

SCORES = {
    "flat": lambda place, count: 0.25,
    "rising": lambda place, count: place / count,
    "slow": lambda place, count: 0.5 + place / 9,
    "tie": lambda place, count: 0.1 if place // 4 % 2 else place % 4 / 4,
}
name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
for number, line in enumerate(sys.stdin):
    count = len(json.loads(line)["images"])
    if name == "slow" and number == 0:
        time.sleep(12)
    print(json.dumps({"rewards": [SCORES[name](place, count) for place in range(count)]}), flush=True)
