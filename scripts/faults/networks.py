"""Two network namespaces with a learner in one and actors in the other, and faults on the way between them."""

import json
import os
import signal
import subprocess
import sys
import time

from harness import HERE, Run
from processes import Broken


class Network:
    """Two namespaces joined by a hub with faults."""

    def __init__(self, chaos, **faults):
        self.chaos = chaos
        tag = f"tc{os.getpid()}"
        self.names = [f"{tag}-l", f"{tag}-a"]
        self.spec = chaos.place.path("network.json")
        self.set(**faults)
        for name in self.names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        self.hub = chaos.place.start("hub", [sys.executable, os.path.join(HERE, "hub.py"), self.spec])
        while "ready" not in self.hub.text:
            if not self.hub.is_running:
                raise Broken(self.hub.text)
            time.sleep(0.02)
        for number, name in enumerate(self.names, 1):
            for command in (f"addr add 10.78.0.{number}/24 dev t0", "link set t0 up", "link set lo up"):
                subprocess.run(["ip", "-n", name, *command.split()], check=True)

    def set(self, **faults):
        ports = {name: faults for name in self.names}
        json.dump({"seed": self.chaos.options.seed, "ports": ports}, open(self.spec, "w"))
        if hasattr(self, "hub"):
            self.hub.send(signal.SIGHUP)

    def run(self, name):
        learner, actor = ([["nsenter", f"--net=/run/netns/{name}"]] for name in self.names)
        return Run(self.chaos, name, prefix_learner=learner[0], prefix_actor=actor[0], listen="tcp://10.78.0.1:5555")

    def close(self):
        self.hub.kill()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name])


def network(chaos, name, words, partition=0, **faults):
    """A run over a network with these faults, or with none and so many seconds without a packet."""
    net = Network(chaos, **faults)
    try:
        run = net.run(name)
        run.start()
        for index in range(2):
            run.actor(f"a{index}")
        if partition:
            run.until(lambda: run.version() >= 3, "three updates")
            net.set(cut=True)
            time.sleep(partition)
            net.set()
        chaos.check(run)
        return words
    finally:
        net.close()
