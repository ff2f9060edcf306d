"""Real processes for the harnesses: started, signalled, waited for and always ended."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TRIBUTARY = os.environ.get("TRIBUTARY") or os.path.join(HERE, "../../.build/release/tributary")
PATIENCE = 300  # seconds for what should take a few


class Broken(Exception):
    """A promise that did not hold."""


class Workplace:
    """A folder, and the processes that were started in it."""

    def __init__(self, prefix):
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self.children = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, command, environment=None):
        process = Process(self.path(f"{name}-{time.monotonic_ns()}.log"), command, environment)
        self.children.append(process)
        return process

    def end_all(self):
        for process in self.children:
            if process.is_running:
                process.send(signal.SIGCONT)
                process.kill()
        self.children.clear()

    def remove(self):
        self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)


class Process:
    """A child whose output goes to a file."""

    def __init__(self, log, command, environment=None):
        self.log = log
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=open(self.log, "w"), stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})})

    @property
    def text(self):
        return open(self.log, errors="replace").read()

    @property
    def is_running(self):
        return self.child.poll() is None

    def send(self, number):
        if self.is_running:
            self.child.send_signal(number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.child.wait()

    def wait(self, seconds=PATIENCE):
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"no end after {seconds} s:\n{self.text[-2000:]}")


def processor_seconds(pid):
    """Seconds on a processor so far."""
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(") ", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """The processes that this one has started, whichever of its threads did; none of one that is gone."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def until(condition, what, seconds=PATIENCE, pause=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Broken(f"waited {seconds} s for {what()}")
        time.sleep(pause)
