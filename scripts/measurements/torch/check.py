"""Compares update.py with a run of tributary: the same prompts and noises, number by number.

    check.py RUN     RUN: tributary train shapes --updates 2 --set save.every=1

Both sides start from the shipped base. What differs is roundings; tolerances are about a hundred
times what they have been seen to do, and so small that every picture must be judged alike.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

import shapes
import update as torch_update

INITIAL, BRANCH, PROMPT, EVALUATION = 1, 2, 3, 4  # what a draw is for
EVALUATION_SEED = 0x74726962


def philox(seed, unit, place, block):
    """Philox4x32-10: four words for each counter (unit, place, block), [..., 4]."""
    low = np.uint64(0xFFFFFFFF)
    x0, x1, x2, x3 = np.broadcast_arrays(*np.atleast_1d(unit, 0, place, block))
    x0, x1, x2, x3 = (x.astype(np.uint64) for x in (x0, x1, x2, x3))
    for turn in range(10):
        k0 = np.uint64(seed + turn * 0x9E3779B9 & 0xFFFFFFFF)
        k1 = np.uint64(turn * 0xBB67AE85 & 0xFFFFFFFF)
        p, q = x0 * np.uint64(0xD2511F53), x2 * np.uint64(0xCD9E8D57)
        x0, x2 = q >> np.uint64(32) ^ x1 ^ k0, p >> np.uint64(32) ^ x3 ^ k1
        x1, x3 = q & low, p & low
    return np.stack((x0, x1, x2, x3), -1)


def normals(seed, purpose, unit, step=0, branch=0):
    """Standard normals [..., D] at each address, by Box and Muller."""
    place = purpose << 24 | np.asarray(step) << 12 | np.asarray(branch)
    unit, place = np.broadcast_arrays(unit, place)
    count = torch_update.LATENT
    words = philox(seed, unit[..., None], place[..., None], np.arange(-(-count // 4)))
    u = ((words[..., 0::2] >> np.uint64(9)) + 0.5) * 2.0**-23
    angle = 2 * np.pi * (words[..., 1::2] >> np.uint64(8)) * 2.0**-24
    pairs = np.sqrt(-2 * np.log(u))[..., None] * np.stack((np.cos(angle), np.sin(angle)), -1)
    return torch.from_numpy(pairs.reshape(*unit.shape, -1)[..., :count].astype(np.float32))


def evaluate(net):
    """Soft and strict means over the held-out prompts, four fixed noises each."""
    requests = shapes.held_out_prompts()
    x = normals(EVALUATION_SEED, EVALUATION, np.arange(len(requests))[:, None], 0, np.arange(4))
    with torch.no_grad():
        prompts = net.encode(requests)
        for i, step in enumerate(torch_update.DT):
            x = x + step * net(x, torch_update.SIGMAS[i : i + 1], prompts)
    pictures = shapes.render(x.reshape(-1, 5, 10).numpy())
    soft, strict = shapes.judge(pictures, [r for r in requests for _ in range(4)])
    return {"eval/soft": soft.mean(), "eval/strict": strict.mean()}


def units_of(k):
    """The requests and noises of update k, from their addresses under run seed 1."""
    requests = []
    for slot in range(torch_update.PROMPTS):
        members = shapes.TRAIN[(k * torch_update.PROMPTS + slot) % 6]
        word = int(philox(1, k, PROMPT << 24 | slot, 0)[0, 0])
        requests += [members[word * len(members) >> 32]] * torch_update.SEEDS
    unit = k * torch_update.UNITS + np.arange(torch_update.UNITS)
    steps, branches = np.arange(torch_update.POINTS)[:, None], np.arange(torch_update.BRANCHES)
    noise = normals(1, BRANCH, unit[:, None, None], steps, branches)
    return requests, normals(1, INITIAL, unit), noise


def flat(tensors):
    """Every parameter as tributary stores it, in one vector of doubles."""
    return torch.cat([
        (tensors[n].T if n.endswith(".weight") else tensors[n]).reshape(-1).double()
        for n in sorted(tensors)
    ])


def from_file(path):
    return flat({n: t.T if n.endswith(".weight") else t for n, t in load_file(path).items()})


def main():
    run = Path(sys.argv[1])
    theirs = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        told = json.loads(line)
        theirs.setdefault(told["version"], {}).update(told)
    torch.set_num_threads(1)
    learner = torch_update.Learner()
    base = flat(learner.net.state_dict())
    failed = False

    def compare(name, ours, other, tolerance):
        nonlocal failed
        # A negated comparison, so that no number is no agreement.
        bad = not abs(ours - other) <= tolerance
        failed |= bad
        print(f"{name:34} {ours:12.7f} {other:12.7f} {abs(ours - other):9.1e}"
              f" <= {tolerance:.0e}{'   FAILED' if bad else ''}")

    def compare_evaluation(name, version):
        for key, value in evaluate(learner.average).items():
            compare(f"{name}: {key}", value, theirs[version][key], 1e-4)

    print(f"{'':34} {'PyTorch':>12} {'tributary':>12} {'differ by':>9}")
    compare_evaluation("base", 0)
    for k in range(2):
        requests, initial, noise = units_of(k)
        # Update k samples with version max(0, k - 1): the base, both times.
        states, following, old, latents = torch_update.rollout(
            learner.reference, requests, initial, noise)
        rewards = torch_update.score(latents, requests)
        ours = learner.update(
            requests, states, following, old, torch_update.advantages(rewards))
        ours["reward/train"] = rewards.mean().item()
        for key, value in sorted(ours.items()):
            other = theirs[k + 1][key]
            tolerance = 1e-5 if other == 0 else 1e-3 * abs(other)
            compare(f"update {k + 1}: {key}", value, other, tolerance)
        # Lengths of the differences, in lengths of what tributary has.
        folder = run / f"checkpoints/{k + 1:06}"
        names = {p: n for n, p in learner.net.named_parameters()}
        moment = flat({names[p]: s["exp_avg"] for p, s in learner.optimizer.state.items()})
        other = from_file(folder / "moment1.safetensors")
        compare(f"update {k + 1}: first moment", (moment - other).norm() / other.norm(), 0, 1e-3)
        other = from_file(folder / "weights.safetensors") - base
        moved = flat(learner.net.state_dict()) - base
        compare(f"update {k + 1}: way of weights", (moved - other).norm() / other.norm(), 0, 1e-2)
    compare_evaluation("average after 2 updates", 2)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
