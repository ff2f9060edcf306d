#!/usr/bin/env python3
"""A model that answers as Documentation/ModelProtocol.md says, or as badly as it is told to.

    v[r, i] = scale[i]·x[r, i] + shift[i] + (σ[r]·word[i])·k(prompt of r)

k is the number of bytes of the prompt's text, less those of its negative, and the metadata's "more"
added; for no prompt it is 0. Every operation is rounded to float32. Nothing but the standard library.

What it has been told is what it checks: it refuses a slot, a prompt or a place that it does not know.
"""

import argparse
import ctypes
import hashlib
import json
import mmap
import os
import signal
import socket
import struct
import sys
import time

NAMES = ("scale", "shift", "word")
KINDS = {"f32": ("f", 4), "i32": ("i", 4), "u8": ("B", 1)}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--latent", type=int, default=3)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--guidance", default="linear")
    parser.add_argument("--picture", default="2x3", help="HxW, or 0x0 for none")
    parser.add_argument("--base", default="a", help="a digit, 64 times")
    parser.add_argument("--log", help="a file that gets a line of JSON for each question")
    parser.add_argument("--do", default="", help="what to do wrong")
    parser.add_argument("--at", default="", help="at which question")
    parser.add_argument("--times", default="1-1000000000", help="at which ones of those, from 1 on")
    parser.add_argument("--count", help="the file in which those are counted, of all processes")
    return parser.parse_args()


def f32(value):
    return ctypes.c_float(value).value


class Refused(Exception):
    pass


class Model:
    def __init__(self, options):
        self.options = options
        self.latent = options.latent
        self.count = options.latent * len(NAMES)
        sides = [int(side) for side in options.picture.split("x")]
        self.picture = sides if sides[0] else None
        self.socket = socket.socket(fileno=int(os.environ["TRIBUTARY_SOCKET"]))
        self.memory = int(os.environ["TRIBUTARY_MEMORY"])
        self.slots, self.prompts, self.kept, self.call = {}, {}, None, -1
        self.size = 0

    # Messages.

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                sys.exit(0)
            data += part
        return data

    def question(self):
        (count,) = struct.unpack("<I", self.receive(4))
        header = json.loads(self.receive(count))
        self.inline = self.receive(header.get("inline", 0))
        if header["call"] != self.call + 1:
            raise Refused(f"call {header['call']} follows call {self.call}")
        self.call = header["call"]
        self.taken = []
        if "memory" in header:
            if header["memory"] < self.size or os.fstat(self.memory).st_size < header["memory"]:
                raise Refused("the memory file has shrunk")
            self.size = header["memory"]
        return header

    def place(self, tensor, kind, shape, into=False):
        """Where a tensor begins and how many numbers it has."""
        if tensor["dtype"] != kind or tensor["shape"] != list(shape):
            raise Refused(f"a tensor {tensor} where {kind} {shape} belongs")
        count = 1
        for side in shape:
            count *= side
        first, size = tensor["offset"], count * KINDS[kind][1]
        if tensor["at"] == "memory":
            if first % 64 or first + size > self.size:
                raise Refused(f"a tensor {tensor} in a file of {self.size}")
        elif first % 4 or (not into and first + size > len(self.inline)):
            raise Refused(f"a tensor {tensor} in {len(self.inline)} bytes")
        # The inline part of an answer is another one than that of the question.
        if tensor["at"] == "memory" or not into:
            if any(first < end and start < first + size for start, end in self.taken):
                raise Refused(f"a tensor {tensor} lies over another one")
            self.taken.append((first, first + size))
        return first, count

    def numbers(self, tensor, kind, shape):
        first, count = self.place(tensor, kind, shape)
        form = f"<{count}{KINDS[kind][0]}"
        if tensor["at"] == "inline":
            return list(struct.unpack_from(form, self.inline, first))
        with mmap.mmap(self.memory, self.size) as view:
            return list(struct.unpack_from(form, view, first))

    def answer(self, header, fields, numbers=None, into=None, kind="f32", shape=()):
        """Sends an answer with its tensor; what goes wrong with tensors goes wrong here."""
        wrong = self.wrong
        tail = b""
        if into:
            first, _ = self.place(into, kind, shape, into=True)
            if wrong in ("nan", "inf"):
                numbers = [float(wrong)] + numbers[1:]
            raw = struct.pack(f"<{len(numbers)}{KINDS[kind][0]}", *numbers)
            if wrong == "short":
                raw = raw[:-4]
            if wrong == "long":
                raw += bytes(4)
            if wrong == "unwritten":
                raw = b""
            if into["at"] == "inline":
                tail = bytes(first) + raw
            else:
                with mmap.mmap(self.memory, self.size) as view:
                    view[first:first + len(raw)] = raw
        answer = {"answer": header["ask"], "call": header["call"], **fields}
        if tail:
            answer["inline"] = len(tail)
        self.send(answer, tail)

    def send(self, answer, tail=b""):
        wrong = self.wrong
        if wrong == "call":
            answer["call"] += 1000
        if wrong == "name":
            answer["answer"] = "something else"
        if wrong == "claims":
            answer["inline"] = 65_540
        if wrong == "negative":
            answer["inline"] = -4
        if wrong == "refuse":
            answer, tail = {"answer": "error", "call": answer["call"],
                            "sentence": "this is not to be had", "retry": False}, b""
        if wrong == "speech":
            answer, tail = {"answer": "error", "call": answer["call"], "sentence": "word " * 5000,
                            "retry": False}, b""
        if wrong == "retry":
            answer, tail = {"answer": "error", "call": answer["call"],
                            "sentence": "no memory on the device", "retry": True}, b""
        text = json.dumps(answer).encode()
        if wrong == "text":
            text = b"good morning"
        if wrong == "list":
            text = b"[1, 2, 3]"
        if wrong == "nested":
            text = b'{"a":' * 1000 + b"1" + b"}" * 1000
        message = struct.pack("<I", len(text)) + text + tail
        if wrong == "huge":
            message = struct.pack("<I", 2**31) + text
        if wrong == "empty":
            message = struct.pack("<I", 0) + text
        if wrong == "twice":
            message += message
        if wrong == "middle":
            self.socket.sendall(message[:len(message) // 2])
            print("the cable was cut", file=sys.stderr, flush=True)
            os._exit(5)
        if wrong == "close":
            self.socket.close()
            signal.pause()
        if wrong == "drops":
            # One byte after the other.
            for byte in message:
                self.socket.sendall(bytes([byte]))
            return
        self.socket.sendall(message)

    # What goes wrong.

    def log(self, **fields):
        if self.options.log:
            file = os.open(self.options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, json.dumps({"pid": os.getpid(), **fields}).encode() + b"\n")
            os.close(file)

    def mischief(self, header):
        """What to do wrong at this question."""
        options = self.options
        if not options.do or header["ask"] != options.at:
            return ""
        number = 1
        if options.count:
            file = os.open(options.count, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, b".")
            number = os.fstat(file).st_size
            os.close(file)
        first, last = (int(word) for word in options.times.split("-"))
        if not first <= number <= last:
            return ""
        if options.do in ("child", "orphan"):
            child = os.fork()
            if child == 0:
                # It hears nothing and holds all that it has.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                while True:
                    time.sleep(600)
            self.log(child=child)
        if options.do in ("die", "child"):
            print("there was no more paper", file=sys.stderr, flush=True)
            os._exit(3)
        if options.do == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if options.do == "silent":
            print("thinking", flush=True)
            while True:
                time.sleep(600)
        if options.do == "chatty":
            for _ in range(40_000):
                print("x" * 99)
                print("y" * 99, file=sys.stderr)
            sys.stdout.flush()
        return options.do

    # Questions.

    def run(self):
        while True:
            self.wrong = ""
            header = self.question()
            ask = header["ask"]
            self.log(**{key: value for key, value in header.items() if key not in ("x", "into")})
            self.wrong = self.mischief(header)
            try:
                getattr(self, "on_" + ask)(header)
            except Refused as refused:
                self.wrong = ""
                self.send({"answer": "error", "call": header["call"], "sentence": str(refused),
                           "retry": False})
            if ask == "bye":
                return

    def on_hello(self, header):
        base = "b" if self.wrong == "contract" else self.options.base
        contract = {
            "protocol": 1, "model": {"name": "words", "version": "1"}, "base": base * 64,
            "parameters": [{"name": name, "shape": [self.latent]} for name in NAMES],
            "latent": [self.latent], "guidance": self.options.guidance, "evaluations": 2,
            "class": "float32", "exact": True, "row_invariant": True, "pullback_exact": True,
            "max_rows": self.options.rows, "slots": self.options.slots,
            "prompts": self.options.prompts, "metadata": ["more"],
        }
        if self.picture:
            contract["picture"] = self.picture
        self.answer(header, contract)

    def on_initial(self, header):
        seed = header["seed"]
        numbers = [f32(((seed + 1) * (place + 1) * 37 % 257 - 128) / 512) for place in range(self.count)]
        self.answer(header, {}, numbers, header["into"], "f32", [self.count])

    def on_parameters(self, header):
        if not 0 <= header["slot"] < self.options.slots:
            raise Refused(f"there is no slot {header['slot']}")
        numbers = self.numbers(header["theta"], "f32", [self.count])
        digest = hashlib.blake2b(struct.pack(f"<{len(numbers)}f", *numbers), digest_size=32).hexdigest()
        self.slots[header["slot"]] = numbers
        if self.wrong == "digest":
            digest = digest[::-1]
        self.answer(header, {} if self.wrong == "mute" else {"digest": digest})

    def on_prompts(self, header):
        for number in header.get("forget", []):
            if number not in self.prompts:
                raise Refused(f"prompt {number} cannot be forgotten")
            del self.prompts[number]
        for prompt in header.get("prompts", []):
            if prompt["id"] in self.prompts:
                raise Refused(f"prompt {prompt['id']} stands already")
            weight = len(prompt["text"].encode()) - len(prompt.get("negative", "").encode())
            self.prompts[prompt["id"]] = weight + prompt.get("metadata", {}).get("more", 0)
        if len(self.prompts) > self.options.prompts:
            raise Refused(f"{len(self.prompts)} prompts are too many")
        self.answer(header, {})

    def rows(self, header):
        """θ, k, σ and x of each row."""
        count = header["prompt"]["shape"][0]
        if not 1 <= count <= self.options.rows:
            raise Refused(f"{count} rows are not in 1 … {self.options.rows}")
        if header["slot"] not in self.slots:
            raise Refused(f"slot {header['slot']} is empty")
        prompts = self.numbers(header["prompt"], "i32", [count])
        for number in prompts:
            if number not in self.prompts:
                raise Refused(f"prompt {number} is not known")
        sigma = self.numbers(header["sigma"], "f32", [count])
        x = self.numbers(header["x"], "f32", [count, self.latent])
        return self.slots[header["slot"]], [self.prompts[number] for number in prompts], sigma, x

    def on_velocities(self, header):
        theta, weights, sigma, x = self.rows(header)
        D, w = self.latent, f32(header["guidance"])
        v = []
        for row, weight in enumerate(weights):
            for i in range(D):
                none = f32(f32(theta[i] * x[row * D + i]) + theta[D + i])
                own = f32(none + f32(f32(sigma[row] * theta[2 * D + i]) * f32(weight)))
                v.append(own if w == 1 else f32(f32(w * own) + f32(f32(1 - w) * none)))
        if header.get("keep"):
            self.kept = header["call"]
        self.answer(header, {}, v, header["into"], "f32", [len(weights), D])

    def on_pullback(self, header):
        theta, weights, sigma, x = self.rows(header)
        if "kept" in header and header["kept"] != self.kept:
            raise Refused(f"call {header['kept']} was not kept, but {self.kept}")
        self.kept = None
        D, w = self.latent, f32(header["guidance"])
        slopes = self.numbers(header["slopes"], "f32", [len(weights), D])
        gradient = [0.0] * self.count
        for row, weight in enumerate(weights):
            for i in range(D):
                slope = slopes[row * D + i]
                gradient[i] = f32(gradient[i] + f32(slope * x[row * D + i]))
                gradient[D + i] = f32(gradient[D + i] + slope)
                part = f32(f32(f32(w * slope) * sigma[row]) * f32(weight))
                gradient[2 * D + i] = f32(gradient[2 * D + i] + part)
        self.answer(header, {}, gradient, header["into"], "f32", [self.count])

    def on_pictures(self, header):
        if not self.picture:
            raise Refused("it decodes no pictures")
        height, width = self.picture
        count = header["x"]["shape"][0]
        if not 1 <= count <= self.options.rows:
            raise Refused(f"{count} rows are not in 1 … {self.options.rows}")
        x = self.numbers(header["x"], "f32", [count, self.latent])
        pixels = []
        for row in range(count):
            for place in range(height * width * 3):
                value = x[row * self.latent + place % self.latent]
                pixels.append(max(0, min(255, int(value * 64) + 128)))
        self.answer(header, {}, pixels, header["into"], "u8", [count, height, width, 3])

    def on_bye(self, header):
        self.answer(header, {})


if __name__ == "__main__":
    Model(arguments()).run()
