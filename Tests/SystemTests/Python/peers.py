"""What the attacks speak with: the protocol from proto/ over ZeroMQ, and ZMTP written by hand.

Nothing of Tributary is linked or imported. `Peer` is a DEALER that says what it likes; `RawPeer` is a
TCP connection that speaks ZMTP 3.1, with or without CURVE, and does what no ZeroMQ library would: it
leaves messages without an end, and does not read.
"""

import glob
import hashlib
import os
import re
import socket
import struct
import subprocess

import zmq
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MAGIC = 0x54524942
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01"
METADATA = b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"


def messages(proto, work):
    """The message classes of the protocol's files, by name."""
    out = os.path.join(work, "proto.bin")
    subprocess.run(["protoc", f"--proto_path={proto}", f"--descriptor_set_out={out}", "--include_imports",
                    *sorted(glob.glob(f"{proto}/v1/*.proto"))], check=True)
    with open(out, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return {name.rsplit(".", 1)[1]: kind
            for name, kind in message_factory.GetMessageClassesForFiles(
                [file.name for file in files.file], pool).items()}


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


class Speaker:
    """Makes the protocol's messages; knows its session once it is welcome."""

    kinds = {}
    numerics = "fma-float32/1"

    def __init__(self, name, life=None):
        self.name, self.life = name, life or os.urandom(16).hex()
        self.epoch = self.session = self.sequence = 0
        self.welcome = None

    def envelope(self, **fields):
        self.sequence += 1
        made = self.kinds["Envelope"](magic=MAGIC, protocol_major=1, epoch=self.epoch, session=self.session,
                                      sequence=self.sequence)
        for name, value in fields.items():
            if hasattr(value, "DESCRIPTOR"):
                getattr(made, name).CopyFrom(value)
                getattr(made, name).SetInParent()
            else:
                setattr(made, name, value)
        return made

    def greeting(self, **changes):
        said = self.kinds["Hello"](actor=self.name, life=self.life, pid=1, numerics_class=self.numerics)
        for name, value in changes.items():
            setattr(said, name, value)
        return self.envelope(hello=said)

    def enter(self, answer):
        if answer and answer.WhichOneof("body") == "welcome":
            self.epoch, self.session, self.welcome = answer.epoch, answer.session, answer.welcome
        return answer

    def state(self, free=0, held=(), progress=0):
        return self.envelope(heartbeat=self.kinds["Heartbeat"](free=free, held=list(held), progress=progress))

    def result_of(self, lease, payload, **changes):
        said = self.kinds["UnitResult"](
            unit=lease.unit, attempt=lease.attempt, version=lease.version, params_hash=lease.params_hash,
            digest=digest(payload), byte_count=len(payload))
        for name, value in changes.items():
            setattr(said, name, value)
        return self.envelope(result=said)


class Closed(Exception):
    """The learner has closed the connection."""


class RawPeer(Speaker):
    """A TCP connection with a whole ZMTP greeting; `keys` is (secret, public, learner's), 32 bytes each."""

    def __init__(self, endpoint, name="raw", keys=None, receive_buffer=None):
        super().__init__(name)
        host, port = re.match(r"tcp://(.*):(\d+)", endpoint).groups()
        self.link = socket.socket()
        if receive_buffer:
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.link.settimeout(10)
        self.link.connect((host, int(port)))
        self.data = b""
        self.curve = None
        mechanism = b"CURVE" if keys else b"NULL"
        self.link.sendall(GREETING + mechanism.ljust(20, b"\0") + bytes(32))
        self.take(64)
        if keys:
            self.encrypt(*keys)
        else:
            self.frame(b"\x05READY" + METADATA, command=True)

    def close(self):
        self.link.close()

    def take(self, count):
        while len(self.data) < count:
            more = self.link.recv(65_536)
            if not more:
                raise Closed
            self.data += more
        found, self.data = self.data[:count], self.data[count:]
        return found

    @staticmethod
    def framed(body, more=False, command=False):
        flags = (1 if more else 0) | (4 if command else 0)
        if len(body) < 256:
            return bytes([flags, len(body)]) + body
        return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body

    def frame(self, body, more=False, command=False):
        self.link.sendall(self.framed(body, more, command))

    def part(self, body, more=False):
        """The bytes of one part of a message on this connection."""
        if not self.curve:
            return self.framed(body, more)
        return self.framed(self.curve.message(bytes([1 if more else 0]) + body))

    def send(self, *parts):
        parts = [part if isinstance(part, bytes) else part.SerializeToString() for part in parts]
        self.link.sendall(b"".join(self.part(part, index + 1 < len(parts)) for index, part in enumerate(parts)))

    def receive(self):
        """The first part of the next message; commands are passed over."""
        while True:
            flags, = self.take(1)
            length = struct.unpack(">Q", self.take(8))[0] if flags & 2 else self.take(1)[0]
            body = self.take(length)
            if flags & 4:
                continue
            if self.curve:
                inner, body = self.curve.opened(body)
                if inner & 2:
                    continue
                flags = inner
            return body, bool(flags & 1)

    def hello(self, **changes):
        self.send(self.greeting(**changes))
        body, _ = self.receive()
        return self.enter(self.kinds["Envelope"].FromString(body))

    def encrypt(self, secret, public, server):
        self.curve = Curve(secret, public, server)
        self.frame(self.curve.hello(), command=True)
        self.frame(self.curve.initiate(self.command()), command=True)
        self.curve.ready(self.command())

    def command(self):
        flags, = self.take(1)
        length = struct.unpack(">Q", self.take(8))[0] if flags & 2 else self.take(1)[0]
        body = self.take(length)
        if body.startswith(b"\x05ERROR"):
            raise Closed
        return body


class Curve:
    """The client's side of CurveZMQ (ZeroMQ RFC 26)."""

    def __init__(self, secret, public, server):
        from nacl import public as nacl
        self.nacl = nacl
        self.secret, self.public, self.server = nacl.PrivateKey(secret), public, nacl.PublicKey(server)
        self.short = nacl.PrivateKey.generate()
        self.count = 0

    def nonce(self, prefix):
        self.count += 1
        return prefix + struct.pack(">Q", self.count)

    def hello(self):
        nonce = self.nonce(b"CurveZMQHELLO---")
        box = self.nacl.Box(self.short, self.server).encrypt(bytes(64), nonce).ciphertext
        return b"\x05HELLO\x01\x00" + bytes(72) + bytes(self.short.public_key) + nonce[16:] + box

    def initiate(self, welcome):
        opened = self.nacl.Box(self.short, self.server).decrypt(welcome[24:], b"WELCOME-" + welcome[8:24])
        self.server_short, cookie = self.nacl.PublicKey(opened[:32]), opened[32:]
        tail = os.urandom(16)
        vouch = self.nacl.Box(self.secret, self.server_short).encrypt(
            bytes(self.short.public_key) + bytes(self.server), b"VOUCH---" + tail).ciphertext
        self.box = self.nacl.Box(self.short, self.server_short)
        nonce = self.nonce(b"CurveZMQINITIATE")
        body = self.box.encrypt(self.public + tail + vouch + METADATA, nonce).ciphertext
        return b"\x08INITIATE" + cookie + nonce[16:] + body

    def ready(self, body):
        self.box.decrypt(body[14:], b"CurveZMQREADY---" + body[6:14])

    def message(self, body):
        nonce = self.nonce(b"CurveZMQMESSAGEC")
        return b"\x07MESSAGE" + nonce[16:] + self.box.encrypt(body, nonce).ciphertext

    def opened(self, body):
        opened = self.box.decrypt(body[16:], b"CurveZMQMESSAGES" + body[8:16])
        return opened[0], opened[1:]


def key(path):
    """Secret, public and learner's key of a key file."""
    with open(path) as file:
        fields = dict(line.split() for line in file if not line.startswith("#"))
    return tuple(bytes.fromhex(fields[name]) for name in ("secret", "public", "learner"))


class Peer(Speaker):
    """A DEALER that says what it likes."""

    context = None

    def __init__(self, endpoint, name="hostile", life=None, hello=True, keys=None, **changes):
        super().__init__(name, life)
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 200
        self.socket.sndtimeo = 60_000
        if keys:
            secret, public, server = (zmq.utils.z85.encode(key) for key in keys)
            self.socket.curve_secretkey, self.socket.curve_publickey = secret, public
            self.socket.curve_serverkey = server
        self.socket.connect(endpoint)
        if hello:
            self.hello(**changes)

    def send(self, *parts):
        self.socket.send_multipart([part if isinstance(part, bytes) else part.SerializeToString()
                                    for part in parts])

    def hello(self, **changes):
        self.send(self.greeting(**changes))
        return self.enter(self.receive())

    def receive(self, seconds=5):
        if not self.socket.poll(int(seconds * 1000)):
            return None
        return self.kinds["Envelope"].FromString(self.socket.recv_multipart()[0])

    def close(self):
        self.socket.close(linger=200)
