"""Attacks a real learner while a real actor trains, and checks that the run is the same run.

Usage: attack.py TRIBUTARY PROTO_FOLDER WORK [--short] [--curve] [--updates N] [--connections N] [--files N]

The attacker speaks the protocol from proto/ over ZeroMQ: nothing of Tributary is linked or imported.
It knows valid payloads of every unit from the journal of an undisturbed run with the same seed. After
every attack the run must go on by one update. At the end: the same params_hash, every unit verified by
a replay, each attack refused under a reason that the learner's summary names, and no descriptor left.
The learner may hold --files descriptors (1,024), far fewer than there are connections: a learner that
takes all that come runs out of them.
"""

import argparse
import glob
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

import zmq

import peers

PATIENCE = 180
class Broken(Exception):
    """A promise that did not hold."""


class Peer(peers.Peer):
    """A DEALER that says what it likes to this learner."""

    def __init__(self, name="hostile", life=None, hello=True, **changes):
        super().__init__(endpoint, name, life, hello, keys, **changes)

    def send(self, *parts):
        try:
            super().send(*parts)
        except zmq.Again:
            raise Broken("the learner took nothing for 60 s")

    def until(self, kind, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.receive(end - time.monotonic())
            if answer and answer.WhichOneof("body") == kind:
                return answer
        return None

    def heartbeat(self, free=4, held=()):
        self.send(self.state(free, held))

    def leave(self):
        """Closes once the learner has dealt with all that was sent: whose connection is closed needs no answer."""
        self.heartbeat(free=0)
        self.until("pulse")
        self.close()

    def lease(self):
        """A lease; the actor sleeps meanwhile, so that the attacker gets one."""
        for _ in range(40):
            self.heartbeat()
            answer = self.until("lease", 0.5)
            if answer:
                return answer.lease
        raise Broken(f"no lease in 20 s: {learner_text()[-800:]}")

    def result(self, lease, payload, **changes):
        self.send(self.result_of(lease, payload, **changes), payload)


def journal(run):
    """The payloads of a run's journal, by unit."""
    found = {}
    for path in sorted(glob.glob(f"{run}/journal/*")):
        data = open(path, "rb").read()
        place = 0
        while place + 16 <= len(data):
            length, = struct.unpack_from("<Q", data, place)
            record = Kinds["JournalRecord"].FromString(data[place + 12:place + 12 + length])
            if record.WhichOneof("body") == "trajectory":
                found[record.trajectory.unit] = record.trajectory.payload
            place += 16 + length
    return found


def learner_text():
    return open(log, errors="replace").read()


def version():
    steps = re.findall(r"^ +(\d+) +-?[0-9.]+ ", learner_text(), re.M)
    return int(steps[-1]) if steps else 0


def awake(yes):
    actor.send_signal(signal.SIGCONT if yes else signal.SIGSTOP)


def wait(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        if learner.poll() is not None and "done" not in what:
            raise Broken(f"the learner ended with {learner.returncode} while waiting for {what}:\n"
                         + learner_text()[-1500:])
        if time.monotonic() > end:
            raise Broken(f"waited {seconds} s for {what}:\n{learner_text()[-1500:]}")
        time.sleep(0.02)


def memory():
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{learner.pid}/status").read())[1]) / 1024


def descriptors():
    return len(os.listdir(f"/proc/{learner.pid}/fd"))


def settled():
    """Memory and descriptors of a learner that has nothing to do: what has gone is noticed within a handshake's and
    a heartbeat's time, and what it had asked the system for is given back every ten seconds."""
    awake(False)
    time.sleep(12)
    found = []
    for _ in range(11):
        found.append((memory(), descriptors()))
        time.sleep(1)
    awake(True)
    return min(megabytes for megabytes, _ in found), min(files for _, files in found)


# Attacks. Each returns how many messages it sent.


def raw(*lists):
    def attack():
        peer = Peer()
        for parts in lists:
            peer.send(*parts)
        peer.leave()
        return len(lists)
    return attack


def envelopes(make, count=1):
    """Envelopes made by `make(peer, index)` in a session."""
    def attack():
        peer = Peer()
        for index in range(count):
            peer.send(*make(peer, index))
        peer.leave()
        return count
    return attack


def results(change, count=3, leased=True):
    """Results whose trajectory or message was changed; refused, or the attack succeeded."""
    def attack():
        awake(False)
        peer = Peer()
        try:
            for _ in range(count):
                lease = peer.lease()
                trajectory = Kinds["Trajectory"].FromString(valid[lease.unit])
                fields = change(trajectory, lease) or {}
                payload = fields.pop("payload", None)
                payload = trajectory.SerializeToString() if payload is None else payload
                peer.result(lease, payload, **fields)
                answer = peer.until("refuse")
                if answer is None:
                    raise Broken("not refused")
                reasons.add(re.sub(r"\d+", "N", answer.refuse.text)[:90])
        finally:
            peer.send(peer.envelope(goodbye=Kinds["Goodbye"](reason="enough")))
            peer.close()
            awake(True)
        return count
    return attack


def floats(field, value):
    def change(trajectory, lease):
        point = trajectory.points[0]
        data = bytearray(getattr(point, field))
        struct.pack_into("<f", data, 0, value)
        setattr(point, field, bytes(data))
    return change


def altered(field):
    """Plausible numbers that are not the right ones."""
    def change(trajectory, lease):
        point = trajectory.points[-1]
        data = bytearray(getattr(point, field))
        old, = struct.unpack_from("<f", data, 0)
        struct.pack_into("<f", data, 0, old * 1.001 + 1e-3)
        setattr(point, field, bytes(data))
    return change


def shape(field, value):
    def change(trajectory, lease):
        setattr(trajectory.points[0], field, value)
    return change


def sleeper():
    """A session that is never heard of again loses its leases within its liveness."""
    awake(False)
    peer = Peer("silent")
    peer.lease()
    awake(True)
    wait(lambda: "actor silent left: silent" in learner_text(), "a silent peer's end", 30)
    peer.close()
    return 1


def not_open():
    peer = Peer()
    for unit in (0, 1 << 40, (1 << 64) - 1):
        lease = Kinds["Lease"](unit=unit, params_hash=bytes(32))
        peer.result(lease, b"x" * 100)
    for _ in range(2):
        answer = peer.until("refuse")
        if answer is None:
            raise Broken("not refused")
    peer.close()
    return 3


def twice():
    """The same valid result many times is one unit."""
    awake(False)
    peer = Peer()
    lease = peer.lease()
    for _ in range(20):
        peer.result(lease, valid[lease.unit])
    awake(True)
    acknowledged = peer.until("acknowledge", 20)
    if acknowledged is None:
        raise Broken("a valid result was not acknowledged")
    peer.close()
    return 20


def someone_elses():
    """Nonsense for a unit that another session has leased."""
    awake(False)
    owner, thief = Peer("owner"), Peer("thief")
    lease = owner.lease()
    thief.result(lease, b"\x00" * 64)
    if thief.until("refuse") is None:
        raise Broken("not refused")
    owner.close(), thief.close()
    awake(True)
    return 1


def excluded():
    """Who sends nothing but nonsense is shut out, and the run goes on."""
    awake(False)
    life = os.urandom(16).hex()
    peer = Peer("nonsense", life)
    for _ in range(8):
        lease = peer.lease()
        peer.result(lease, b"\x01" * 64)
        if peer.until("refuse") is None:
            raise Broken("not refused")
    if peer.until("goodbye") is None:
        raise Broken("not shut out after 8 invalid results")
    peer.close()
    again = Peer("nonsense", life, hello=False)
    answer = again.hello()
    if answer.WhichOneof("body") != "reject":
        raise Broken("let in again at once")
    again.close()
    awake(True)
    return 9


def missing_parameters():
    peer = Peer()
    for version_ in (1 << 20, (1 << 64) - 1):
        peer.send(peer.envelope(manifest_request=Kinds["ManifestRequest"](version=version_)))
        if len(peer.until("manifest").manifest.chunk_digests):
            raise Broken("a manifest of nothing")
    for index in (0, 1 << 31, (1 << 32) - 1):
        peer.send(peer.envelope(chunk_request=Kinds["ChunkRequest"](whole=bytes(32), index=index)))
    # Questions are answered in their order, so the last answer says that those before were looked at.
    peer.send(peer.envelope(manifest_request=Kinds["ManifestRequest"](version=0)))
    if peer.until("manifest") is None:
        raise Broken("a question after these was not answered")
    peer.close()
    return 6


def half_open():
    """TCP connections that say nothing, half a greeting, or go without a close."""
    host, port = re.match(r"tcp://(.*):(\d+)", endpoint).groups()
    open_ones = []
    for index in range(30):
        link = socket.create_connection((host, int(port)), 60)
        if index % 3 == 1:
            link.sendall(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f")
        if index % 3 == 2:
            link.sendall(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00" + os.urandom(500))
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.close()
        else:
            open_ones.append(link)
    time.sleep(0.5)
    for link in open_ones:
        link.close()
    return 30


def flood():
    peer = Peer("flood", hello=False)
    count = 2_000 if options.short else 20_000
    for index in range(count):
        peer.send(os.urandom(40))
    peer.close()
    return count


def hellos():
    count = 100 if options.short else 400
    peers = [Peer(f"h{index}", hello=False) for index in range(count)]
    for peer in peers:
        peer.send(peer.envelope(hello=Kinds["Hello"](actor=peer.name, life=peer.life, pid=1,
                                                     numerics_class=numerics)))
    time.sleep(1)
    for peer in peers:
        peer.close()
    return count


def connections():
    """Connections that only connect: half of them bare TCP, half with a whole greeting."""
    host, port = re.match(r"tcp://(.*):(\d+)", endpoint).groups()
    links, most = [], 0
    for index in range(options.connections):
        try:
            link = socket.create_connection((host, int(port)), timeout=10)
        except OSError as fault:
            print(f"     connection {index}: {fault}")
            break
        if index % 2:
            link.sendall(peers.GREETING + b"NULL".ljust(20, b"\0") + bytes(32)
                         + peers.RawPeer.framed(b"\x05READY" + peers.METADATA, command=True))
        links.append(link)
        if index % 500 == 0:
            most = max(most, descriptors())
    most = max(most, descriptors())
    print(f"     {len(links)} connections, {most} descriptors at most, {memory():.1f} MB")
    for link in links:
        link.close()
    return len(links)


def endless():
    """One message whose parts do not end: the connection is cut before it has taken much."""
    peer = peers.RawPeer(endpoint, "endless", keys)
    peer.hello()
    part, sent = bytes(1 << 20), 0
    try:
        while sent < 1 << 30:
            peer.link.sendall(peer.part(part, more=True))
            sent += len(part)
    except OSError:
        pass
    peer.close()
    if sent > 64 << 20:
        raise Broken(f"{sent >> 20} MiB were taken")
    return sent >> 20


def deaf():
    """Peers that ask for parameters and read nothing."""
    links = [peers.RawPeer(endpoint, f"deaf{index}", keys, receive_buffer=4_096) for index in range(20)]
    for peer in links:
        peer.hello()
        peer.send(peer.envelope(manifest_request=Kinds["ManifestRequest"](version=peer.welcome.committed)))
        manifest = Kinds["Envelope"].FromString(peer.receive()[0]).manifest
        for _ in range(300):
            peer.send(peer.envelope(chunk_request=Kinds["ChunkRequest"](whole=manifest.params_hash, index=0)))
    before = version()
    awake(True)
    wait(lambda: version() > before + 1, "two updates beside peers that read nothing")
    for peer in links:
        peer.close()
    return 20 * 301


def attacks():
    big = Kinds["Hello"](actor="x" * 60_000)
    return [
        ("a silent peer", sleeper, None),
        ("no envelope", raw([b""], [b"", b"", b""], [b"garbage"], [os.urandom(4000)]), "envelope"),
        ("too many frames", raw([b"a"] * 5, [b""] * 1000), "transport"),
        ("wrong magic", envelopes(lambda p, i: [p.envelope(magic=1)]), "envelope"),
        ("wrong protocol version", envelopes(lambda p, i: [p.envelope(protocol_major=2 + i)], 3), "envelope"),
        ("lengths beyond the message", raw([b"\x0d\x42\x49\x52\x54\x10\x01\x82\x01\xff\xff\xff\xff\x0f"]),
         "envelope"),
        ("a huge string", envelopes(lambda p, i: [p.envelope(hello=big)]), "envelope"),
        ("100 kB of envelope", raw([b"\x82\x01" * 50_000]), "envelope"),
        ("empty sub-messages", envelopes(
            lambda p, i: [p.envelope(acknowledge=Kinds["Acknowledgements"](
                units=[Kinds["Acknowledgement"]()] * 20_000))]), "envelope"),
        ("too many held units", envelopes(
            lambda p, i: [p.envelope(heartbeat=Kinds["Heartbeat"](held=list(range(1000))))]), "envelope"),
        ("too much credit", envelopes(
            lambda p, i: [p.envelope(heartbeat=Kinds["Heartbeat"](free=4_000_000_000))]), "heartbeat"),
        ("another run", lambda: refused_hello(run_id="0" * 32), "hello"),
        ("another configuration", lambda: refused_hello(configuration_hash=bytes(32)), "hello"),
        ("another model", lambda: refused_hello(model_hash=bytes(32)), "hello"),
        ("a greeting from the future", lambda: refused_hello(highest_epoch=(1 << 63)), "hello: run"),
        ("another numerics class", lambda: refused_hello(numerics_class="other\x1b[31m"), "hello"),
        ("another epoch", envelopes(lambda p, i: [p.envelope(
            epoch=7 + i, heartbeat=Kinds["Heartbeat"](free=1))], 3), "no session"),
        ("another session", envelopes(lambda p, i: [p.envelope(
            session=7 + i, heartbeat=Kinds["Heartbeat"](free=1))], 3), "no session"),
        ("a learner's messages", envelopes(
            lambda p, i: [p.envelope(drain=Kinds["Drain"](reason="stop"))]), "message that"),
        ("NaN rewards", results(floats("rewards", float("nan"))), "result"),
        ("infinite latents", results(floats("latents", float("inf"))), "result"),
        ("infinite velocity", results(floats("velocity", float("-inf"))), "result"),
        ("an altered log-density", results(altered("log_densities")), "result"),
        ("an altered velocity", results(altered("velocity")), "result"),
        ("an altered state", results(altered("state")), "result"),
        ("another noise", results(lambda t, l: setattr(t, "noise_checksum", 5)), "result"),
        ("another prompt", results(lambda t, l: setattr(t, "prompt", t.prompt + 1)), "result"),
        ("another unit inside", results(lambda t, l: setattr(t, "unit", t.unit + 1)), "result"),
        ("a wrong shape", results(shape("state_count", 1_000_000)), "result"),
        ("4 billion branches", results(shape("branch_count", (1 << 32) - 1)), "result"),
        ("rewards left out", results(shape("rewards", b"")), "result"),
        ("no points", results(lambda t, l: t.ClearField("points")), "result"),
        ("an empty payload", results(lambda t, l: {"payload": b""}), "result"),
        ("a wrong digest", results(lambda t, l: {"digest": bytes(32)}), "result"),
        ("a wrong length", results(lambda t, l: {"byte_count": 5}), "result"),
        ("other parameters", results(lambda t, l: {"params_hash": bytes(32)}), "result"),
        ("another version", results(lambda t, l: {"version": l.version + 1}), "result"),
        ("units that are not open", not_open, "result"),
        ("someone else's unit", someone_elses, "result"),
        ("nothing but nonsense", excluded, "session: too many"),
        ("one valid result 20 times", twice, None),
        ("parameters that do not exist", missing_parameters, "chunk that"),
        ("a message without an end", endless, None),
        ("questions and no ears", deaf, "too many questions"),
        ("a malformed life", lambda: refused_hello(life="no life"), "hello: notAuthorised"),
        ("half-open connections", half_open, None),
        ("a flood", flood, "envelope"),
        ("a flood of hellos", hellos, None),
        ("many connections", connections, None),
    ]


def refused_hello(**changes):
    peer = Peer(hello=False)
    answer = peer.hello(**changes)
    if answer is None or answer.WhichOneof("body") != "reject":
        raise Broken("let in")
    reasons.add(re.sub(r"[0-9a-f]{16,}", "…", answer.reject.text)[:90])
    peer.close()
    return 1


parser = argparse.ArgumentParser()
parser.add_argument("tributary")
parser.add_argument("proto")
parser.add_argument("work")
parser.add_argument("--short", action="store_true", help="small floods and 300 connections")
parser.add_argument("--curve", action="store_true", help="with an allowed key of its own")
parser.add_argument("--updates", type=int, default=2_700)
parser.add_argument("--connections", type=int)
parser.add_argument("--files", type=int, default=1_024, help="descriptors that the learner may hold")
options = parser.parse_args()
options.connections = options.connections or (300 if options.short else 10_000)
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
os.makedirs(options.work, exist_ok=True)

Kinds = peers.Speaker.kinds = peers.messages(options.proto, options.work)
peers.Peer.context = zmq.Context(io_threads=1)
peers.Peer.context.set(zmq.MAX_SOCKETS, 4096)
reasons, keys, numerics = set(), None, ""

reference = os.path.join(options.work, "reference")
with open(os.path.join(options.work, "reference.log"), "w") as file:
    done = subprocess.run([options.tributary, "train", "density", "--run", reference, "--actors", "1",
                           "--updates", str(options.updates), "--json"], stdout=subprocess.PIPE,
                          stderr=file, text=True, timeout=3600)
if done.returncode:
    sys.exit(f"the undisturbed run ended with {done.returncode}")
expected = json.loads(done.stdout.strip().splitlines()[-1])["params_hash"]
valid = journal(reference)

run = os.path.join(options.work, "run")
log = os.path.join(options.work, "learner.log")
command = ["prlimit", f"--nofile={options.files}:{options.files}", options.tributary, "learner", "density", "--run", run, "--updates", str(options.updates), "--json"]
if options.curve:
    folder = os.path.join(options.work, "keys")
    subprocess.run([options.tributary, "keys", "new", folder], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    subprocess.run([options.tributary, "keys", "add", "hostile", folder], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command += ["--keys", folder]
    keys = peers.key(os.path.join(folder, "hostile.key"))
learner = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(log, "w"), stderr=subprocess.STDOUT)
actor, status = None, 0
try:
    wait(lambda: "listening at" in learner_text(), "listening")
    endpoint = json.load(open(f"{run}/endpoint.json"))["endpoint"]
    peers.Speaker.numerics = numerics = re.search(r"generation \d+ · (\S+) on", learner_text())[1]
    actor = subprocess.Popen([options.tributary, "actor", "--run", run, "--name", "honest"],
                             stdin=subprocess.DEVNULL, stdout=open(os.path.join(options.work, "actor.log"), "w"),
                             stderr=subprocess.STDOUT)
    # Until then it takes memory for itself: it remembers the results of its last 4,096 units.
    wait(lambda: version() >= 1_100, "1,100 updates")
    start_memory, start_files = settled()
    for name, attack, expects in attacks():
        awake(False)
        before = version()
        try:
            count = attack()
            awake(True)
            wait(lambda: version() > before, "an update after the attack")
            verdict = "ok  "
        except Broken as fault:
            status, count, verdict = 4, str(fault), "FAIL"
            awake(True)
        except Exception as fault:
            status, count, verdict = 4, f"{type(fault).__name__}: {fault}", "FAIL"
            awake(True)
        print(f"{verdict} {name:30} {memory() if learner.poll() is None else 0:7.1f} MB  {count}", flush=True)
        if learner.poll() is not None:
            raise Broken("the learner ended early: give --updates more\n" + learner_text()[-1500:])
    end_memory, end_files = settled()
    wait(lambda: learner.poll() is not None, "done", 600)
    summary = json.loads(learner_text().strip().splitlines()[-1])
    print(f"memory {start_memory:.1f} MB before, {end_memory:.1f} MB after; descriptors {start_files} before,"
          f" {end_files} after")
    for reason, count in sorted(summary["refused"].items(), key=lambda item: -item[1])[:40]:
        print(f"refused {count:6} × {reason}")
    for reason in sorted(reasons):
        print(f"told the peer: {reason}")
    for name, _, expects in attacks():
        if expects and not any(reason.startswith(expects) for reason in summary["refused"]):
            print(f"FAIL {name}: no reason begins with {expects!r}")
            status = 4
    if summary["params_hash"] != expected:
        raise Broken(f"params_hash {summary['params_hash']}, undisturbed {expected}")
    replay = subprocess.run([options.tributary, "replay", run, "--verify", "--json"], capture_output=True, text=True,
                            timeout=3600)
    verified = json.loads(replay.stdout.strip().splitlines()[-1]) if replay.returncode == 0 else {}
    if verified.get("verified") != options.updates:
        raise Broken(f"replay: {replay.stderr[-500:]}")
    if end_files > start_files + 4:
        raise Broken(f"{end_files - start_files} descriptors are left over")
    if end_memory > 1.05 * start_memory:
        raise Broken("memory is not what it was, within 5 %")
    print(f"params_hash {expected}, as undisturbed; {verified['verified']} updates verified")
except Broken as fault:
    print(f"FAIL {fault}")
    status = 4
finally:
    for process in (actor, learner):
        if process and process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
sys.exit(status)
