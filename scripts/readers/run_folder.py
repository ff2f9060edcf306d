"""Reads a run folder with other people's readers and compares what they say."""

import csv
import glob
import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import numpy
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
from tfrecord.reader import tfrecord_iterator

run = sys.argv[1]

# Every record of every file, with both checksums: the reader refuses a wrong one.
records = 0
for path in glob.glob(f"{run}/events.out.tfevents.*"):
    reader = PyRecordReader_New(path)
    try:
        while True:
            reader.GetNext()
            records += 1
    except Exception as error:
        assert "OutOfRange" in type(error).__name__ or not str(error), (path, error)
assert records > 0

# The journal is TFRecord files: a header in each segment, every unit once, a commit for each update.
segments = sorted(glob.glob(f"{run}/journal/segment-*.tfr"))
payloads = [bytes(record) for path in segments for record in tfrecord_iterator(path)]
assert segments and all(payloads), segments
committed = max(json.loads(line)["version"] for line in open(f"{run}/metrics.jsonl"))
assert len(payloads) >= len(segments) + 2 * committed, (len(payloads), committed)

lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
steps = [line["version"] for line in lines]
assert steps == sorted(steps), "metrics.jsonl is out of order"
expected = {}
for line in lines:
    for name, value in line.items():
        if name != "version":
            points = expected.setdefault(name, [])
            # An evaluation repeats some numbers of its version's update.
            if not points or points[-1][0] != line["version"]:
                points.append((line["version"], value))
updates = [step for step, _ in expected["reward/train"]]
assert updates == list(range(1, max(updates) + 1)), "an update has no line, or two"
evaluated = [step for step, _ in expected["eval/soft"]]


def compare(reader, name, points):
    """Every point once, in order, with the value of metrics.jsonl as a float32."""
    wanted = expected[name]
    assert [step for step, _ in points] == [step for step, _ in wanted], (reader, name, points, wanted)
    values = [value for _, value in points], [value for _, value in wanted]
    assert numpy.allclose(*values, rtol=1e-6, atol=1e-9), (reader, name)


events = EventAccumulator(
    run, size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
).Reload()
tags = events.Tags()
assert set(tags["scalars"]) == set(expected), set(tags["scalars"]) ^ set(expected)
for name in expected:
    compare("accumulator", name, [(event.step, event.value) for event in events.Scalars(name)])
pictures = events.Images("grid")
assert [picture.step for picture in pictures] == evaluated
assert all(picture.encoded_image_string[:4] == b"\x89PNG" for picture in pictures)
for name in ("reward/branches", "lag/units"):
    assert [event.step for event in events.Histograms(name)] == updates, name
assert events.Histograms("reward/branches")[0].histogram_value.num > 0
texts = {"configuration", "command"}
assert texts <= set(tags["tensors"]), tags["tensors"]
for name in texts:
    read = [event.step for event in events.Tensors(name)]
    assert read and read == sorted(set(read)), (name, read)


def served(fast):
    """What TensorBoard's page is sent: with its own reader, or with its data server."""
    server = subprocess.Popen(
        [f"{sys.prefix}/bin/tensorboard", "--logdir", run, "--port", "0", "--host", "127.0.0.1",
         "--samples_per_plugin", "scalars=1000000,text=1000", "--load_fast", fast],
        stderr=subprocess.PIPE, text=True)
    try:
        address = None
        for line in server.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                address = found[0]
                break
        assert address, "TensorBoard did not start"

        def get(path, **query):
            words = urllib.parse.urlencode(query)
            with urllib.request.urlopen(f"{address}/data/plugin/{path}?{words}") as answer:
                return json.load(answer)

        deadline = time.monotonic() + 120
        while True:
            known = get("scalars/tags").get(".", {})
            read = get("scalars/scalars", run=".", tag="reward/train") if known else []
            if [step for _, step, _ in read] == updates:
                break
            assert time.monotonic() < deadline, "TensorBoard has not read all updates in 120 s"
            time.sleep(0.2)
        assert set(known) == set(expected), set(known) ^ set(expected)
        for name in expected:
            points = get("scalars/scalars", run=".", tag=name)
            compare(f"load_fast {fast}", name, [(step, value) for _, step, value in points])
        command = get("text/text", run=".", tag="command")
        assert "tributary train" in command[0]["text"], command
        request = urllib.request.Request(
            f"{address}/data/plugin/hparams/experiment", data=b'{"experiment_name": ""}',
            headers={"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request) as answer:
            settings = {info["name"] for info in json.load(answer)["hparamInfos"]}
        assert "loss.kl.beta" in settings, settings
        return len(settings)
    finally:
        server.terminate()
        server.wait()


settings = [served(fast) for fast in ("false", "true")]

rows = list(csv.DictReader(open(f"{run}/metrics.csv")))
assert len(rows) == len(lines), (len(rows), len(lines))
for row, line in zip(rows, lines):
    filled = {name: float(value) for name, value in row.items() if value}
    assert filled.keys() == line.keys(), (filled, line)
    assert all(numpy.isclose(filled[name], line[name], rtol=1e-12) for name in line), (filled, line)

for folder in ("latest", "best", "000000"):
    for name in ("weights", "ema", "reference", "moment1", "moment2"):
        tensors = load_file(f"{run}/checkpoints/{folder}/{name}.safetensors")
        assert all(numpy.isfinite(tensor).all() for tensor in tensors.values()), name
version = json.load(open(f"{run}/checkpoints/latest/state.json"))["version"]
assert version == max(line["version"] for line in lines)
assert json.load(open(f"{run}/eval/{version:06}.json"))["prompts"]
assert len(json.load(open(f"{run}/env.json"))) >= 1

lives = len(glob.glob(f"{run}/events.out.tfevents.*"))
print(
    f"formats: {lives} lives to version {max(updates)}, {len(evaluated)} evaluations; TensorBoard reads"
    f" {records} records of events, {len(tags['scalars'])} scalars with every point once as in"
    f" metrics.jsonl, {len(tags['images'])} pictures, {len(tags['histograms'])} histograms; so do its"
    f" page's two readers, with {settings[0]} hparams; csv {len(rows)} rows; safetensors all checkpoints;"
    f" tfrecord {len(payloads)} records of the journal"
)
