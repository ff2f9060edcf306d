"""Times an update of tributary and of update.py in turn, all on the core this process is bound to.

    compare.py ROUNDS TRIBUTARY LIBRARY

LIBRARY, preloaded, tells MKL that the processor is Intel's: without it MKL takes slower products on
other makers' processors.
"""

import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from shutil import which

STAGES = ("rollout", "judge", "learn", "rest")


def timed(command, **environment):
    """Wall seconds, then the CPU seconds of each stage, of an update."""
    environment = os.environ | environment
    told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    last = told.stdout.strip().splitlines()[-1]
    print(last, flush=True)
    report = json.loads(last)
    split = report["split"]
    if "sample" in split:  # tributary's own words
        report["seconds"], split["rollout"] = report["seconds_one_core"], split.pop("sample")
    main = [split.pop(stage) for stage in STAGES[:3]]
    return [report["seconds"], *main, sum(split.values())]


def main():
    rounds, tributary, library = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    plain = [sys.executable, str(Path(__file__).parent / "update.py")]
    contenders = {
        "tributary": lambda: timed(
            [tributary, "bench", "update", "--actors", "1", "--updates", "1", "--json"]),
        "PyTorch": lambda: timed(plain),
        "PyTorch, fast MKL": lambda: timed(plain, LD_PRELOAD=library),
    }
    if which(os.environ.get("CXX", "g++")):
        contenders["the same, rollout compiled"] = lambda: timed(
            [*plain, "--compile"], LD_PRELOAD=library)
    core = ", ".join(map(str, os.sched_getaffinity(0)))
    print(f"core {core}, one thread; torch {version('torch')}, numpy {version('numpy')}\n")
    results = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            results[name].append(run())

    print(f"\nmedians of {rounds} rounds in turn, seconds an update; stages in CPU seconds")
    print("Only tributary has a rest (encoding, checks, journal, publishing).\n")
    print(f"{'':28}{'wall':>8}{'CPU':>8}" + "".join(f"{stage:>9}" for stage in STAGES)
          + f"{'wall ratio':>12}{'CPU ratio':>11}  of the rounds")
    for name, rows in results.items():
        wall, *split = map(statistics.median, zip(*rows))
        pairs = list(zip(rows, results["tributary"]))
        ratios = sorted(sum(own[1:]) / sum(base[1:]) for own, base in pairs)
        walls = statistics.median(own[0] / base[0] for own, base in pairs)
        print(f"{name:28}{wall:8.3f}{sum(split):8.3f}" + "".join(f"{s:9.4f}" for s in split)
              + f"{walls:12.2f}{statistics.median(ratios):11.2f}"
              + f"  {ratios[0]:.2f} to {ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
