"""How runs of the built-in network and of a program that computes it ended, for `studies/second-network`.

usage: second_network.py FOLDER PRESET...
"""

import glob
import json
import os
import statistics
import sys

MOST = 0.03
# Student's quantile for 95 %, by degrees of freedom.
QUANTILES = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}

folder, presets = sys.argv[1], sys.argv[2:]
status = 0


def ends(part, model, preset, updates):
    """The strict score of each run seed after so many updates."""
    found = {}
    for run in sorted(glob.glob(os.path.join(folder, part, model, preset, "*/seed-*"))):
        path = os.path.join(run, "eval", "%06d.json" % updates)
        if os.path.exists(path):
            found[int(run.rsplit("-", 1)[1])] = json.load(open(path))["strict"]
    return found


def start(preset):
    """The strict score before the first update."""
    for path in glob.glob(os.path.join(folder, "presets/built-in", preset, "*/seed-*/eval/000000.json")):
        return json.load(open(path))["strict"]


print("20 updates of run seed 1, strict score on held-out prompts; allowed: %.2f apart\n" % MOST)
print("| preset | before | built in | program | apart | |\n| --- | --- | --- | --- | --- | --- |")
done = 0
for preset in presets:
    own, other = (ends("presets", model, preset, 20).get(1) for model in ("built-in", "program"))
    if own is None or other is None:
        print(f"| {preset} | | {'' if own is None else '%.4f' % own} | | | not finished |")
        status = 4
        continue
    done += 1
    word = "ok" if abs(own - other) <= MOST else "FAILED"
    status = status if word == "ok" else 4
    print(f"| {preset} | {start(preset):.4f} | {own:.4f} | {other:.4f} | {abs(own - other):.4f} | {word} |")
print(f"\n{done} of {len(presets)} presets finished")

print("\n60 updates of `shapes`, strict score, 95 % interval over run seeds\n")
intervals = {}
for model in ("built-in", "program"):
    scores = ends("seeds", model, "shapes", 60)
    told = ", ".join(f"{score:.4f} (seed {seed})" for seed, score in sorted(scores.items()))
    if len(scores) < 3:
        print(f"{model}: {told or 'nothing'}; not finished")
        status = 4
        continue
    mean, deviation = statistics.mean(scores.values()), statistics.stdev(scores.values())
    half = QUANTILES[len(scores) - 1] * deviation / len(scores) ** 0.5
    intervals[model] = (mean - half, mean + half)
    print(f"{model}: {told}; {mean:.4f} ± {half:.4f}")
if len(intervals) == 2:
    (low, high), (other_low, other_high) = intervals.values()
    overlap = low <= other_high and other_low <= high
    print("the intervals overlap" if overlap else "FAILED: the intervals do not overlap")
    status = status if overlap else 4
sys.exit(status)
