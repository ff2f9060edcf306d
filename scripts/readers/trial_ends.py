"""How one trial of a setting ended for each preset, for `studies/family`: what it is ranked by, then its scores.

usage: trial_ends.py TRIAL POINTS.csv
"""

import csv
import sys

trial, path = sys.argv[1:]
ends = {}
for row in csv.DictReader(open(path)):
    if row["eval/held_out"]:
        ends[row["configuration"], row["seed"]] = row
for name in sorted({name for name, _ in ends}):
    runs = [row for key, row in sorted(ends.items()) if key[0] == name]
    if len(runs) < 2:
        sys.exit(f"family: {name} with {trial} has not run with both seeds; run `scripts/studies/family tune`")
    columns = ["eval/held_out", "eval/strict", "diversity/mean"]
    cells = [" ".join("%.3f" % float(row[column]) for row in runs) for column in columns]
    worst = min(float(row["eval/held_out"]) for row in runs)
    keeps = min(float(row["diversity/mean"]) for row in runs) >= 0.8
    print(name, trial, "%.6f" % (worst if keeps else worst - 1), *cells, sep="\t")
