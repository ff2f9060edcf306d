"""Whether a reward rose on every run seed, for `studies/tiny-sd3`: held-out prompts, noises not trained on.

usage: rising.py REWARD SWEEP...
"""

import glob
import json
import os
import sys

reward, status = sys.argv[1], 0
print("| run | updates | before | after | higher by |\n| --- | --- | --- | --- | --- |")
for sweep in sys.argv[2:]:
    for run in sorted(glob.glob(os.path.join(sweep, "*/seed-*"))):
        if not os.path.exists(os.path.join(run, "metrics.jsonl")):
            continue
        lines = [json.loads(line) for line in open(os.path.join(run, "metrics.jsonl"))]
        found = [(line["version"], line[f"eval/reward/{reward}"]) for line in lines if f"eval/reward/{reward}" in line]
        if len(found) < 2:
            print(f"| {os.path.relpath(run, os.path.dirname(sweep))} | | | unfinished | |")
            status = 4
            continue
        (_, before), (version, after) = found[0], found[-1]
        print(f"| {os.path.relpath(run, os.path.dirname(sweep))} | {version} | {before:.4f} | {after:.4f}"
              f" | {after - before:+.4f} |")
        status = status if after > before else 4
sys.exit(status)
