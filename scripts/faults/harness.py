"""What the scenarios of `chaos` share: runs of real learners and actors, and what must hold at the end of one."""

import glob
import json
import os
import random
import re
import signal
import subprocess
import time

import disk
from processes import Broken, PATIENCE, TRIBUTARY, Workplace, until

HERE = os.path.dirname(os.path.abspath(__file__))


class Chaos:
    """The options, the place where scenarios happen, and the hashes of undisturbed runs."""

    def __init__(self, options):
        self.options, self.rng = options, random.Random(options.seed)
        self.place = Workplace("tributary-chaos-")
        self.shim = self.place.path("disk.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", self.shim, os.path.join(HERE, "disk.c"),
                        "-ldl"], check=True)
        self.references = {}

    def expected(self, lag=1):
        """The hash of an undisturbed run with one actor."""
        if lag not in self.references:
            run = Run(self, f"reference-{lag}", lag)
            run.start()
            run.actor("only")
            self.references[lag] = run.finish()["params_hash"]
        return self.references[lag]

    def check(self, run):
        """The promises, after the end of a scenario."""
        found = run.finish()["params_hash"]
        if found != self.expected(run.lag):
            raise Broken(f"params_hash {found}, undisturbed {self.expected(run.lag)}")
        replay = subprocess.run([TRIBUTARY, "replay", run.folder, "--verify", "--json"],
                                capture_output=True, text=True, timeout=run.patience)
        if replay.returncode != 0:
            raise Broken(f"replay: {replay.stderr.strip()}")
        verified = json.loads(replay.stdout.strip().splitlines()[-1])
        if verified["verified"] != self.options.updates or verified["params_hash"] != found:
            raise Broken(f"replay: {verified}")


class Run:
    """A run folder, the learner on it, and actors started by hand."""

    def __init__(self, chaos, name, lag=1, prefix_learner=(), prefix_actor=(), listen=None, folder=None):
        self.name, self.lag = name, lag
        self.options, self.place, self.shim, self.rng = chaos.options, chaos.place, chaos.shim, chaos.rng
        self.folder = folder or self.place.path(name)
        self.prefix_learner, self.prefix_actor = list(prefix_learner), list(prefix_actor)
        self.listen = listen
        self.record = self.place.path(f"{name}.synced")
        self.learner, self.actors, self.reported, self.lives = None, [], 0, 0
        # A file whose durable length nobody knows: the next learner must sync it before it counts on it.
        self.counted_on = None
        self.began = time.monotonic()

    @property
    def patience(self):
        """Seconds for a life; a long run may take its time."""
        return PATIENCE + self.options.updates / 20

    def start(self):
        """A learner's next life, up to the moment when it listens."""
        command = [TRIBUTARY, "learner", self.options.preset, "--run", self.folder, "--json",
                   "--updates", str(self.options.updates), "--set", "eval.every=0", "--set", "eval.noises=1",
                   "--set", "save.every=5", "--set", f"schedule.lag={self.lag}"]
        if self.listen:
            command += ["--listen", self.listen, "--insecure-plaintext"]
        environment = {"LD_PRELOAD": self.shim, "FAULTS_LOG": self.record, "FAULTS_EIO": self.record + ".eio"}
        if self.options.no_sync:
            environment["FAULTS_NO_SYNC"] = "1"
        self.learner = self.place.start(f"{self.name}-learner", self.prefix_learner + command, environment)
        self.lives += 1
        self.until(lambda: "listening at" in self.learner.text or not self.learner.is_running, "listening")
        listens = "listening at" in self.learner.text
        is_held = self.options.no_sync or not self.counted_on or self.counted_on in disk.durable(self.record)
        if listens and not is_held:
            raise Broken(f"a learner counts on what {self.counted_on} held before it, and has not synced it")
        self.counted_on = None
        resumed = re.findall(r"resumed at version (\d+)", self.learner.text)
        if self.lives > 1 and self.reported > (int(resumed[0]) if resumed else 0):
            raise Broken(f"version {self.reported} was reported as committed, and the learner resumed at"
                         f" {resumed[0] if resumed else 0}:\n{self.learner.text[-2000:]}")

    def actor(self, name):
        where = ["--connect", self.listen] if self.listen else ["--run", self.folder]
        more = ["--insecure-plaintext"] if self.listen else []
        actor = self.place.start(
            f"{self.name}-{name}", self.prefix_actor + [TRIBUTARY, "actor", "--name", name] + where + more)
        self.actors.append(actor)
        return actor

    @property
    def goes_on(self):
        """Whether the learner runs; a run that takes far too long is broken."""
        if time.monotonic() > self.began + 3 * self.patience:
            raise Broken(f"no end after {3 * self.patience} s:\n{self.learner.text[-2000:]}")
        return self.learner.is_running

    def version(self):
        """The last version that this life has reported."""
        steps = re.findall(r"^ +(\d+) +[01]\.\d{3} ", self.learner.text, re.M)
        return int(steps[-1]) if steps else 0

    def until(self, condition, what):
        until(condition, lambda: f"{what}:\n{self.learner.text[-2000:]}")

    def kill_learner(self, is_power_cut=True):
        """Kills it and takes away what was not synced; or, where the machine lives on, nothing."""
        self.reported = max(self.reported, self.version())
        self.learner.kill()
        if is_power_cut:
            return disk.take_away(self.folder, self.record, self.rng)
        newest = max(glob.glob(f"{self.folder}/journal/segment-*.tfr"), default=None)
        if newest:
            self.counted_on = newest
            disk.forget(newest, self.record)
        return 0

    def finish(self):
        """Waits for the end; returns the last line's object."""
        if self.learner.wait(self.patience) != 0:
            raise Broken(f"the learner ended with {self.learner.child.returncode}:\n"
                         + self.learner.text[-2000:])
        for actor in self.actors:
            actor.send(signal.SIGCONT)
            actor.send(signal.SIGTERM)
            actor.wait()
        return json.loads(self.learner.text.strip().splitlines()[-1])
