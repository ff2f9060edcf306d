"""One learner for --minutes: actors killed all the time, strangers that connect, talk nonsense and go.

Its memory after the first tenth must stay within 5 %, its descriptors must not grow, and the hash must be that of
an undisturbed run of as many updates.
"""

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import time

from harness import Run
from processes import Broken


def nonsense(port, rng):
    """A stranger that connects, sends some bytes and goes; sometimes it says nothing."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as stranger:
        stranger.sendall(rng.randbytes(rng.choice([0, 1, 10, 64, 5000])))


def scenario(chaos):
    options, rng = chaos.options, chaos.rng
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = Run(chaos, "soak", listen=f"tcp://127.0.0.1:{port}")
    options.updates = 100_000_000
    run.start()
    process = f"/proc/{run.learner.child.pid}"
    began, kills, samples = time.monotonic(), 0, []
    while time.monotonic() < began + 60 * options.minutes:
        if not run.learner.is_running:
            raise Broken(f"the learner ended:\n{run.learner.text[-2000:]}")
        actor = run.actor(f"a{kills % 2}")
        time.sleep(rng.uniform(0.6, 1.2))
        for _ in range(rng.randrange(4)):
            nonsense(port, rng)
        actor.kill()
        kills += 1
        run.actors.clear()
        chaos.place.children[:] = [run.learner]
        os.remove(actor.log)
        time.sleep(rng.uniform(0.2, 1.5))
        memory = int(re.search(r"VmRSS:\s+(\d+)", open(f"{process}/status").read())[1]) / 1024
        samples.append((time.monotonic() - began, memory, len(os.listdir(f"{process}/fd"))))
    run.learner.send(signal.SIGTERM)
    run.learner.wait()
    state = json.load(open(os.path.join(run.folder, "checkpoints/latest/state.json")))
    options.updates = state["version"]
    print("minute  MiB     descriptors")
    for minute in range(0, options.minutes, max(1, options.minutes // 20)):
        some = [sample for sample in samples if minute <= sample[0] / 60 < minute + 1]
        if some:
            print(f"{minute:6} {statistics.median(s[1] for s in some):6.1f}  {max(s[2] for s in some):6}", flush=True)
    late = [sample for sample in samples if sample[0] > 6 * options.minutes]
    quarters = [late[k * len(late) // 4:(k + 1) * len(late) // 4] for k in range(4)]
    memory = [statistics.median(sample[1] for sample in quarter) for quarter in quarters]
    descriptors = [statistics.median(sample[2] for sample in quarter) for quarter in quarters]
    said = (f"{options.minutes} minutes, {kills} actors killed, {options.updates} updates; medians of the four"
            f" quarters: {', '.join(f'{m:.1f}' for m in memory)} MiB,"
            f" {', '.join(f'{d:.0f}' for d in descriptors)} descriptors")
    if max(memory) > 1.05 * min(memory) or descriptors[-1] > descriptors[0]:
        raise Broken(f"not flat: {said}")
    found = state["paramsHash"]
    if found != chaos.expected():
        raise Broken(f"params_hash {found}, undisturbed {chaos.expected()}")
    return said
