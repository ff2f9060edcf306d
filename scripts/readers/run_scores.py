"""The scores of a run of 60 updates, for `studies/sweep`: soft, strict, held-out, diversity, seconds of updates.

usage: run_scores.py RUN
"""

import json
import sys

run = sys.argv[1]
scores = json.load(open(f"{run}/eval/000060.json"))
lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
variety = sum(scores["diversity"].values()) / len(scores["diversity"])
learn = sum(line.get("time/update", 0) for line in lines)
print(scores["soft"], scores["strict"], scores["heldOut"], variety, learn, sep="\t")
