"""Tributary's side of the protocol, for tests: asks a program that runs in a thread or a process."""

import contextlib
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from tributary.protocol import Channel
from tributary.server import Server
from tributary.tensors import Memory

PACKAGE = Path(__file__).parents[1]
TYPES = {"f32": "<f4", "i32": "<i4", "u8": "u1"}


class Asker:
    """Asks over a socket; tensors stand in the memory file, or inline where `inline` is set."""

    def __init__(self, connection, memory):
        self.connection, self.memory = connection, memory
        connection.settimeout(60)
        self.call = 0
        self.inline = False

    # Raw messages.

    def send(self, header, inline=b""):
        encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
        self.connection.sendall(struct.pack("<I", len(encoded)) + encoded + inline)

    def receive(self):
        """The answer's header and inline part; None at the end of the socket."""
        start = self._bytes(4)
        if not start:
            return None
        header = json.loads(self._bytes(struct.unpack("<I", start)[0]))
        return header, self._bytes(header.get("inline", 0))

    def _bytes(self, count):
        result = b""
        while len(result) < count:
            try:
                got = self.connection.recv(count - len(result))
            except ConnectionResetError:
                got = b""
            if not got:
                return result
            result += got
        return result

    # Questions.

    def ask(self, name, into=None, tensors=None, **fields):
        """The answer's fields, or its tensor where `into` = (dtype, shape) is asked for.

        An answer `error` is raised as `Answered`.
        """
        self.call += 1
        header = {"ask": name, "call": self.call, **fields}
        inline, end = b"", 0
        for key, array in (tensors or {}).items():
            array = np.asarray(array)
            dtype = "i32" if array.dtype.kind in "iu" else "f32"
            raw = array.astype(TYPES[dtype]).tobytes()
            header[key] = {"dtype": dtype, "shape": list(array.shape)}
            if self.inline:
                header[key].update(at="inline", offset=len(inline))
                inline += raw
            else:
                header[key].update(at="memory", offset=end)
                end = self._put(end, raw)
        if isinstance(into, dict):
            header["into"] = into
        elif into:
            header["into"] = {"dtype": into[0], "shape": list(into[1])}
            if self.inline:
                header["into"].update(at="inline", offset=8)
            else:
                size = int(np.prod(into[1])) * np.dtype(TYPES[into[0]]).itemsize
                header["into"].update(at="memory", offset=end)
                self._put(end, b"\xff" * size)
        if not self.inline:
            header["memory"] = os.fstat(self.memory).st_size
        else:
            header["inline"] = len(inline)
        self.send(header, inline)
        answer, tail = self.receive()
        assert answer["call"] == self.call, answer
        if answer["answer"] == "error":
            raise Answered(answer["sentence"], answer["retry"])
        assert answer["answer"] == name, answer
        if not into:
            return answer
        count = int(np.prod(into[1]))
        if self.inline:
            return np.frombuffer(tail, TYPES[into[0]], count, 8).reshape(into[1])
        place = header["into"]["offset"]
        raw = os.pread(self.memory, count * np.dtype(TYPES[into[0]]).itemsize, place)
        return np.frombuffer(raw, TYPES[into[0]]).reshape(into[1])

    def _put(self, offset, raw):
        """Writes at the offset; the end, rounded up to 64 bytes."""
        end = (offset + len(raw) + 63) // 64 * 64
        if os.fstat(self.memory).st_size < end:
            os.ftruncate(self.memory, end)
        os.pwrite(self.memory, raw, offset)
        return end

    def hello(self, seed=1, role="check"):
        self.contract = self.ask("hello", protocol=1, role=role, seed=seed, tributary="0.2.0")
        self.count = sum(int(np.prod(p["shape"])) for p in self.contract["parameters"])
        self.latent = int(np.prod(self.contract["latent"]))
        return self.contract

    def initial(self, seed=1):
        return self.ask("initial", into=("f32", [self.count]), seed=seed)

    def parameters(self, theta, slot=0):
        """Gives the set and compares the digest."""
        theta = np.asarray(theta, "<f4")
        digest = hashlib.blake2b(theta.tobytes(), digest_size=32).hexdigest()
        told = self.ask("parameters", tensors={"theta": theta}, slot=slot, digest=digest)["digest"]
        return told == digest

    def prompts(self, *texts, forget=()):
        """Tells prompts 0, 1, … of these texts."""
        told = [{"id": number, "text": text} for number, text in enumerate(texts)]
        return self.ask("prompts", prompts=told, forget=list(forget))

    def velocities(self, prompt, sigma, x, slot=0, guidance=1.0, keep=False):
        return self.ask("velocities", into=("f32", [len(x), self.latent]), slot=slot,
                        guidance=guidance, keep=keep,
                        tensors={"prompt": np.asarray(prompt, "<i4"), "sigma": sigma, "x": x})

    def pullback(self, prompt, sigma, x, slopes, slot=0, guidance=1.0, **kept):
        return self.ask("pullback", into=("f32", [self.count]), slot=slot, guidance=guidance, **kept,
                        tensors={"prompt": np.asarray(prompt, "<i4"), "sigma": sigma, "x": x,
                                 "slopes": slopes})


class Answered(Exception):
    """An answer `error`."""

    def __init__(self, sentence, retry):
        super().__init__(sentence)
        self.retry = retry


@contextlib.contextmanager
def served(model):
    """An asker of a model that answers in a thread of this process."""
    ours, theirs = socket.socketpair()
    memory = os.memfd_create("tributary")
    errors = []

    def run():
        try:
            Server(model, Channel(theirs, Memory(memory))).run()
        except Exception as error:  # what would have ended the process
            errors.append(error)
        theirs.close()

    thread = threading.Thread(target=run)
    thread.start()
    asker = Asker(ours, memory)
    asker.errors = errors
    try:
        yield asker
    finally:
        ours.close()
        thread.join(60)
        os.close(memory)


@contextlib.contextmanager
def started(*arguments):
    """An asker of a program in a process of its own, and the process."""
    ours, theirs = socket.socketpair()
    memory = os.memfd_create("tributary", 0)
    os.set_inheritable(memory, True)
    theirs.set_inheritable(True)
    environment = {**os.environ, "TRIBUTARY_SOCKET": str(theirs.fileno()),
                   "TRIBUTARY_MEMORY": str(memory), "PYTHONPATH": str(PACKAGE)}
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(theirs.fileno(), memory))
    theirs.close()
    try:
        yield Asker(ours, memory), process
    finally:
        ours.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()
        os.close(memory)


def rows(asker, prompts, seed=0):
    """Prompts of the rows, σ, x and slopes at random."""
    draw = np.random.default_rng(seed)
    count = len(prompts)
    return (np.asarray(prompts, "<i4"), draw.random(count, np.float32),
            draw.standard_normal((count, asker.latent), np.float32),
            draw.standard_normal((count, asker.latent), np.float32))


def slope_error(asker, theta, gradient, prompt, sigma, x, slopes, directions=6, step=1e-2, **fields):
    """The largest error of slope·direction against a central difference, as a share of its length."""
    draw, worst = np.random.default_rng(1), 0.0
    for _ in range(directions):
        direction = draw.standard_normal(len(theta)).astype("<f4")
        direction /= np.linalg.norm(direction)
        ends = []
        for sign in (1, -1):
            asker.parameters(theta + np.float32(sign * step) * direction, slot=3)
            ends.append(asker.velocities(prompt, sigma, x, slot=3, **fields).astype(float))
        measured = ((ends[0] - ends[1]) * slopes).sum() / (2 * step)
        expected = float(gradient.astype(float) @ direction)
        scale = np.linalg.norm(gradient.astype(float)) / np.sqrt(len(theta))
        worst = max(worst, abs(measured - expected) / scale)
    return worst
