"""A network between namespaces with faults, in user space: a hub of TAP devices, one in each namespace,
with delay, jitter, loss, duplicates, a cap of the rate, and partitions. Needs root and /dev/net/tun.

usage: hub.py SPEC.json
SPEC: {"seed": 1, "ports": {NAMESPACE: {"delay_ms", "jitter_ms", "loss", "duplicates", "rate_mbit", "cut"}}}
Each port's settings are for the frames that leave it; `cut` drops all of them, both ways. The file is read
again at SIGHUP. Prints "ready" when the devices, called t0, are there.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import sys
import time

TUNSETIFF, TAP, NO_INFO = 0x400454CA, 2, 0x1000
CLONE_NEWNET = 0x40000000
LONGEST_QUEUE = 0.5  # seconds of a capped port; more is dropped, as a router does


def device(namespace, home):
    """A TAP device t0 inside the namespace; its frames are read and written here."""
    library = ctypes.CDLL(None, use_errno=True)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    assert library.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", b"t0", TAP | NO_INFO))
    assert library.setns(home, CLONE_NEWNET) == 0
    os.close(there)
    return tap


def main(path):
    spec = json.load(open(path))

    def reload(*_):
        nonlocal spec
        spec = json.load(open(path))

    signal.signal(signal.SIGHUP, reload)
    chance = random.Random(spec.get("seed", 1))
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    names = {device(name, home): name for name in spec["ports"]}
    poll = select.epoll()
    for tap in names:
        poll.register(tap, select.EPOLLIN)
    owner, free, queue, number = {}, {}, [], 0
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        for tap, _ in poll.poll(max(0, queue[0][0] - now) if queue else 1):
            for _ in range(64):
                try:
                    frame = os.read(tap, 65536)
                except BlockingIOError:
                    break
                owner[frame[6:12]] = tap
                known = owner.get(frame[:6])
                targets = [known] if known else [other for other in names if other != tap]
                port = spec["ports"][names[tap]]
                now = time.monotonic()
                for target in targets:
                    cut = port.get("cut") or spec["ports"][names[target]].get("cut")
                    if target == tap or cut or chance.random() < port.get("loss", 0):
                        continue
                    leaves = now
                    if port.get("rate_mbit"):
                        leaves = max(now, free.get(tap, 0))
                        if leaves - now > LONGEST_QUEUE:
                            continue
                        leaves += len(frame) * 8 / (port["rate_mbit"] * 1e6)
                        free[tap] = leaves
                    jitter = chance.uniform(-1, 1) * port.get("jitter_ms", 0)
                    leaves += max(0, port.get("delay_ms", 0) + jitter) / 1e3
                    for _ in range(2 if chance.random() < port.get("duplicates", 0) else 1):
                        number += 1
                        heapq.heappush(queue, (leaves, number, target, frame))
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            _, _, target, frame = heapq.heappop(queue)
            try:
                os.write(target, frame)
            except OSError:
                pass  # a full or departed device loses frames, as a cable does


if __name__ == "__main__":
    main(sys.argv[1])
