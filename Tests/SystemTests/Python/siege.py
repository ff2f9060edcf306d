"""Attackers beside one honest actor: what they cost the run, and the learner's memory.

Usage: siege.py TRIBUTARY PROTO_FOLDER WORK [--seconds N] [--list] [NAME...]

Each scenario has a learner of its own. The honest actor works alone first; then the attackers come and
stay, coming back whenever they are cut off; five seconds later the updates are counted again; at last
the actor is alone once more. The run has to keep 0.8 of its updates a second, and the learner's memory
has to stay within 64 MiB of what it was. Attackers run at the lowest priority: on other machines they
would take no processor time from the run.
"""

import argparse
import json
import multiprocessing
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time

import zmq

import peers

LEAST_RATIO = 0.8
MOST_MEMORY = 64
GRACE = 5
QUIET = ["--set", "eval.every=0", "--set", "eval.noises=1", "--set", "save.every=1000000"]
LARGE = ["--set", "model.width=256", "--set", "model.depth=6", "--set", "model.heads=4",
         "--set", "model.init=random"]


class Site:
    """What an attacker knows of a learner."""

    def __init__(self, endpoint, keys, stop, folder):
        self.endpoint, self.keys, self.stop, self.folder = endpoint, keys, stop, folder

    @property
    def goes_on(self):
        return not self.stop.is_set()


# Attacks: each runs in a process of its own until the site's flag is set.


def writers(site, count, stream, make):
    """Keeps `count` connections from `make(index)` and sends on each whatever `stream(peer)` yields."""
    links, tried = [None] * count, [0.0] * count
    while site.goes_on:
        for index in range(count):
            if links[index] is None and time.monotonic() - tried[index] > 0.2:
                tried[index] = time.monotonic()
                try:
                    peer = make(index)
                    peer.link.setblocking(False)
                    links[index] = [peer, stream(peer), memoryview(b"")]
                except (OSError, peers.Closed):
                    pass
        ready = {link[0].link: index for index, link in enumerate(links) if link}
        _, writable, _ = select.select([], list(ready), [], 0.1) if ready else ([], [], [])
        if not ready:
            time.sleep(0.05)
        for link in writable:
            index = ready[link]
            slot = links[index]
            try:
                if not slot[2]:
                    slot[2] = memoryview(next(slot[1]))
                slot[2] = slot[2][link.send(slot[2]):]
            except BlockingIOError:
                pass
            except (OSError, StopIteration):
                link.close()
                links[index] = None


def parts(peer, size=1 << 20):
    """A message whose parts never end."""
    while True:
        yield peer.part(bytes(size), more=True)


def endless(site, count=1, size=1 << 20, welcome=True, keys=None):
    """Messages without an end."""
    def make(index):
        peer = peers.RawPeer(site.endpoint, f"endless{index}", keys)
        if welcome:
            peer.hello()
        return peer
    writers(site, count, lambda peer: parts(peer, size), make)


def endless_curve(site, count=1):
    """Messages without an end from peers whose key is allowed."""
    endless(site, count, keys=site.keys)


def endless_greeting(site, count=8):
    """Bytes without an end instead of a greeting, from whoever has no key."""
    def stream(_):
        while True:
            yield b"\x06" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20)

    class Stranger:
        def __init__(self):
            host, port = re.match(r"tcp://(.*):(\d+)", site.endpoint).groups()
            self.link = socket.create_connection((host, int(port)), 10)
            self.link.sendall(peers.GREETING + b"CURVE".ljust(20, b"\0") + bytes(32))
    writers(site, count, stream, lambda index: Stranger())


def questions(site, count, ask):
    """Peers that ask and ask and read nothing."""
    links, tried, beat = [None] * count, [0.0] * count, 0
    manifest = None
    while site.goes_on:
        for index in range(count):
            if links[index] is None and time.monotonic() - tried[index] > 0.2:
                tried[index] = time.monotonic()
                try:
                    peer = peers.RawPeer(site.endpoint, f"deaf{index}", receive_buffer=4_096)
                    peer.hello()
                    if manifest is None:
                        peer.send(peer.envelope(manifest_request=peers.Speaker.kinds["ManifestRequest"](version=0)))
                        manifest = peers.Speaker.kinds["Envelope"].FromString(peer.receive()[0]).manifest
                    peer.link.setblocking(False)
                    links[index] = peer
                    for _ in range(300):
                        peer.send(ask(peer, manifest))
                except (OSError, peers.Closed):
                    pass
        time.sleep(0.1)
        if time.monotonic() - beat > 1:
            beat = time.monotonic()
            for index, peer in enumerate(links):
                try:
                    if peer:
                        peer.send(peer.state())
                except BlockingIOError:
                    pass
                except OSError:
                    peer.close()
                    links[index] = None


def chunks(site, count=20):
    questions(site, count, lambda peer, manifest: peer.envelope(
        chunk_request=peers.Speaker.kinds["ChunkRequest"](whole=manifest.params_hash, index=0)))


def manifests(site, count=20):
    questions(site, count, lambda peer, manifest: peer.envelope(
        manifest_request=peers.Speaker.kinds["ManifestRequest"](version=0)))


def greetings(site, count=20):
    questions(site, count, lambda peer, manifest: peer.greeting())


def strangers(site, count=3_000):
    """As many connections as there can be, of which none says anything."""
    host, port = re.match(r"tcp://(.*):(\d+)", site.endpoint).groups()
    links = []
    while site.goes_on:
        try:
            links.append(socket.create_connection((host, int(port)), 0.5))
        except OSError:
            time.sleep(0.05)
        if len(links) > count:
            links.pop(0).close()


def idle(site, count=256):
    """Sessions that never ask for work."""
    crowd = [None] * count
    while site.goes_on:
        for index, peer in enumerate(crowd):
            if peer is None or not peer.session:
                if peer:
                    peer.close()
                crowd[index] = peers.Peer(site.endpoint, f"idle{index}", keys=site.keys)
            peer = crowd[index]
            while peer.socket.poll(0):
                answer = peers.Speaker.kinds["Envelope"].FromString(peer.socket.recv_multipart()[0])
                if answer.WhichOneof("body") == "goodbye":
                    peer.session = 0
            if peer.session:
                peer.send(peer.state())
        time.sleep(0.5)


def results(site, count=4):
    """Large results of units that nobody leased to their senders."""
    def make(index):
        peer = peers.RawPeer(site.endpoint, f"flood{index}")
        peer.hello()
        return peer

    def stream(peer):
        lease = peers.Speaker.kinds["Lease"](unit=0, params_hash=bytes(32))
        payload = bytes(1 << 20)
        said = peer.result_of(lease, payload).SerializeToString()
        while True:
            yield peer.part(said, more=True) + peer.part(payload)
    writers(site, count, stream, make)


def hoarders(site, count, progress):
    """Actors that take every lease they are offered, say that they work on it, and never deliver."""
    crowd, held, beat, told = [None] * count, [set() for _ in range(count)], 0, 0
    while site.goes_on:
        for index, peer in enumerate(crowd):
            if peer is None or not peer.session:
                if peer:
                    peer.close()
                crowd[index], held[index] = peers.Peer(site.endpoint, f"hoarder{index}", keys=site.keys), set()
            peer = crowd[index]
            while peer.socket.poll(0):
                answer = peers.Speaker.kinds["Envelope"].FromString(peer.socket.recv_multipart()[0])
                body = answer.WhichOneof("body")
                if body == "lease":
                    held[index].add(answer.lease.unit)
                if body == "goodbye":
                    peer.session = 0
        if time.monotonic() - beat > 0.8:
            beat, told = time.monotonic(), told + 1
            for index, peer in enumerate(crowd):
                units = sorted(held[index])[-60:]
                if peer.session:
                    state = peers.Speaker.kinds["Heartbeat"](
                        free=64 - len(units), held=units, progress=told if progress else 0)
                    peer.send(peer.envelope(heartbeat=state))
        time.sleep(0.02)


def hung(site, count):
    """Real actors whose reward never answers."""
    started = [subprocess.Popen(
        [options.tributary, "actor", "--run", site.folder, "--name", f"hung{index}"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HANG": "1"})
        for index in range(count)]
    while site.goes_on:
        time.sleep(0.1)
    for process in started:
        process.kill()
        process.wait()


REWARD = """#!/usr/bin/env python3
import json, os, sys, time
for line in sys.stdin:
    if os.environ.get("HANG"):
        time.sleep(100_000)
    count = len(json.loads(line)["images"])
    print(json.dumps({"rewards": [0.5 + 0.001 * (i % 97) for i in range(count)]}), flush=True)
"""


class Scenario:
    def __init__(self, attack, *arguments, curve=False, files=None, settings=(), times=1, is_first=False,
                 reward=False):
        self.attack, self.arguments = attack, arguments
        # How much longer than usual updates are counted, where they take long.
        self.times = times
        self.curve, self.files, self.settings = curve, files, settings
        # Whether the attackers are there before the honest actor comes.
        self.is_first = is_first
        # Whether a program judges, which hangs for whoever is told so.
        self.reward = reward


SCENARIOS = {
    "endless": Scenario(endless, 1),
    "endless-8": Scenario(endless, 8),
    "endless-64": Scenario(endless, 64),
    "endless-small-parts": Scenario(endless, 8, 64),
    "endless-unwelcome": Scenario(endless, 8, 1 << 20, False),
    "endless-curve": Scenario(endless_curve, 1, curve=True),
    "endless-curve-8": Scenario(endless_curve, 8, curve=True),
    "endless-curve-stranger": Scenario(endless_greeting, 8, curve=True),
    "chunks-not-read": Scenario(chunks, 20, settings=LARGE, times=6),
    "manifests-not-read": Scenario(manifests, 20, settings=LARGE, times=6),
    "welcomes-not-read": Scenario(greetings, 20),
    "large-results": Scenario(results, 4),
    "strangers": Scenario(strangers, 3_000, curve=True, files=1_024),
    "strangers-256-files": Scenario(strangers, 3_000, curve=True, files=256),
    "hoarders-1": Scenario(hoarders, 1, True),
    "hoarders-8": Scenario(hoarders, 8, True),
    "hoarders-64": Scenario(hoarders, 64, True),
    "hoarders-1-silent": Scenario(hoarders, 1, False),
    "hoarders-8-silent": Scenario(hoarders, 8, False),
    "hoarders-64-silent": Scenario(hoarders, 64, False),
    "hung-rewards-1": Scenario(hung, 1, reward=True),
    "hung-rewards-4": Scenario(hung, 4, reward=True),
    "hung-rewards-8": Scenario(hung, 8, reward=True),
    "idle-sessions": Scenario(idle, 256, is_first=True),
}


class Broken(Exception):
    """A promise that did not hold."""


class Run:
    """A learner and, once asked for, its honest actor."""

    def __init__(self, name, scenario):
        self.folder = os.path.join(options.work, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log = self.folder + ".log"
        self.actor = None
        self.keys = None
        more = [*QUIET, *scenario.settings]
        if scenario.reward:
            program = os.path.join(os.path.abspath(options.work), "reward.py")
            with open(program, "w") as file:
                file.write(REWARD)
            os.chmod(program, 0o755)
            more += ["--set", f"reward.train={{name: r, program: {program}, deterministic: true}}"]
        if scenario.curve:
            folder = os.path.join(options.work, "keys")
            shutil.rmtree(folder, ignore_errors=True)
            for words in (["new", folder], ["add", "hostile", folder]):
                subprocess.run([options.tributary, "keys", *words], check=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
            more += ["--keys", folder]
            self.keys = peers.key(os.path.join(folder, "hostile.key"))
        limit = ["prlimit", f"--nofile={scenario.files}:{scenario.files}"] if scenario.files else []
        with open(self.log, "w") as log:
            self.learner = subprocess.Popen(
                [*limit, options.tributary, "learner", "density", "--run", self.folder, "--updates", "100000000",
                 "--json", *more], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.wait(lambda: "listening at" in self.tail(), "listening")
        with open(f"{self.folder}/endpoint.json") as file:
            self.endpoint = json.load(file)["endpoint"]

    def begin(self):
        with open(self.folder + ".actor.log", "w") as log:
            self.actor = subprocess.Popen(
                [options.tributary, "actor", "--run", self.folder, "--name", "honest"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT)

    def tail(self):
        with open(self.log, "rb") as file:
            file.seek(max(0, os.path.getsize(self.log) - 16_384))
            return file.read().decode(errors="replace")

    def version(self):
        steps = re.findall(r"^ +(\d+) +-?[0-9.]+ ", self.tail(), re.M)
        return int(steps[-1]) if steps else 0

    def wait(self, condition, what, seconds=180):
        end = time.monotonic() + seconds
        while not condition():
            if self.learner.poll() is not None:
                raise Broken(f"the learner ended with {self.learner.returncode} while waiting for {what}:\n"
                             + self.tail()[-1500:])
            if time.monotonic() > end:
                raise Broken(f"waited {seconds} s for {what}:\n{self.tail()[-1500:]}")
            time.sleep(0.02)

    def memory(self):
        with open(f"/proc/{self.learner.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def rate(self, seconds):
        """Updates a second from now on, and the most memory that was seen."""
        first, begin, most = self.version(), time.monotonic(), 0
        while time.monotonic() - begin < seconds:
            if self.learner.poll() is not None:
                raise Broken(f"the learner ended with {self.learner.returncode}:\n{self.tail()[-1500:]}")
            most = max(most, self.memory())
            time.sleep(0.02)
        return (self.version() - first) / (time.monotonic() - begin), most

    def end(self):
        for process in (self.actor, self.learner):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def attacker(scenario, endpoint, keys, folder, stop, ready):
    os.nice(19)
    peers.Peer.context = zmq.Context(io_threads=1)
    peers.Peer.context.set(zmq.MAX_SOCKETS, 4_096)
    ready.set()
    scenario.attack(Site(endpoint, keys, stop, folder), *scenario.arguments)


def play(name, scenario):
    """One line about a scenario, and whether it is as it has to be."""
    run = Run(name, scenario)
    seconds = options.seconds * scenario.times
    stop, ready = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(
        target=attacker, args=(scenario, run.endpoint, run.keys, run.folder, stop, ready))
    try:
        before = None
        if not scenario.is_first:
            run.begin()
            run.wait(lambda: run.version() >= 5, "five updates")
            before, _ = run.rate(seconds)
        start = run.memory()
        process.start()
        ready.wait(60)
        if scenario.is_first:
            run.rate(GRACE)
            run.begin()
        _, early = run.rate(GRACE)
        beside, late = run.rate(seconds)
        stop.set()
        process.join(20)
        again, _ = run.rate(seconds)
        alone = (before + again) / 2 if before is not None else again
        ratio = beside / alone if alone else 0
        growth = max(early, late) - start
        with open(run.log, errors="replace") as log:
            cuts = log.read().count("is cut")
        is_well = ratio >= LEAST_RATIO and growth <= MOST_MEMORY
        then = f"{before:.1f} and afterwards {again:.1f}" if before is not None else f"afterwards {again:.1f}"
        print(f"{'ok  ' if is_well else 'FAIL'} {name:24} alone {then} updates/s, beside them {beside:.1f}:"
              f" {ratio:.2f}; memory {start:.0f} MB, at most {start + growth:.0f};"
              f" {cuts} lines about cut connections", flush=True)
        return is_well
    except Broken as fault:
        print(f"FAIL {name}: {fault}", flush=True)
        return False
    finally:
        stop.set()
        if process.pid:
            process.join(5)
            process.kill()
        run.end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("tributary")
    parser.add_argument("proto")
    parser.add_argument("work")
    parser.add_argument("--seconds", type=float, default=10, help="of each count of updates")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    if options.list:
        print("\n".join(SCENARIOS))
        sys.exit()
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        sys.exit(f"no scenario is called {unknown[0]}; there are {', '.join(SCENARIOS)}")
    os.makedirs(options.work, exist_ok=True)
    peers.Speaker.kinds = peers.messages(options.proto, options.work)
    outcomes = [play(name, SCENARIOS[name]) for name in options.names or SCENARIOS]
    sys.exit(0 if all(outcomes) else 4)
