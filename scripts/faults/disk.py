"""What a power cut leaves: takes from a folder what `disk.c` did not see become durable."""

import os


def read(record):
    """How many bytes of each file are durable, and the renames that are not."""
    durable, lost, renames = {}, {}, []
    if os.path.exists(record):
        for line in open(record):
            kind, *words = line.rstrip("\n").split(" ")
            if kind == "sync":
                durable[words[1]] = min(int(words[0]), lost.get(words[1], int(words[0])))
            elif kind == "lost":
                lost[words[0]] = durable.get(words[0], 0)
            elif kind == "cut":
                if int(words[0]) <= lost.get(words[1], -1):
                    del lost[words[1]]
                durable[words[1]] = min(int(words[0]), durable.get(words[1], 0))
            elif kind == "link":
                durable[words[1]] = durable.get(words[0], 0)
            elif kind == "folder":
                renames = [entry for entry in renames if os.path.dirname(entry[2]) != words[0]]
            else:
                shadow, old, new = words
                moved = {p: n for p, n in durable.items() if p == old or p.startswith(old + "/")}
                for path in [p for p in durable if p == new or p.startswith(new + "/")]:
                    del durable[path]
                for path, length in moved.items():
                    del durable[path]
                    durable[new + path[len(old):]] = length
                renames.append((shadow, old, new))
    return durable, renames


def durable(record):
    """How many bytes of each file are durable."""
    return read(record)[0]


def forget(path, record):
    """Nothing is known of what is durable in this file."""
    with open(record) as file:
        lines = [line for line in file if not line.startswith(("sync ", "lost ", "cut ")) or line.split()[-1] != path]
    with open(record, "w") as file:
        file.writelines(lines)


def take_away(folder, record, rng):
    """Cuts files to what was synced and undoes renames whose folder was not synced; returns a count.

    A file keeps its durable bytes and a random part of the rest; a rename that is not durable is
    undone in half of the cases.
    """
    durable, renames = read(record)
    taken = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            size = os.path.getsize(path)
            kept = min(durable.get(path, 0), size)
            if kept < size:
                os.truncate(path, rng.randint(kept, size))
                taken += 1
    for shadow, old, new in reversed(renames):
        if rng.random() < 0.5 or not os.path.lexists(new):
            continue
        os.rename(new, old)
        if shadow != "-":
            os.rename(shadow, new)
        taken += 1
    begin(folder, record)
    return taken


def begin(folder, record):
    """A new life: what is on the disk now is durable."""
    place, name = os.path.split(record)
    for entry in os.listdir(place):
        if entry == name or entry.startswith(name + "."):
            os.remove(os.path.join(place, entry))
    with open(record, "w") as file:
        for directory, _, names in os.walk(folder):
            for path in (os.path.join(directory, name) for name in names):
                if os.path.isfile(path) and not os.path.islink(path):
                    file.write(f"sync {os.path.getsize(path)} {path}\n")
