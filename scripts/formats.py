"""Reads a run folder with other people's readers and compares what they say."""

import csv
import glob
import json
import sys

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
events = EventAccumulator(run, size_guidance={"scalars": 0, "histograms": 0, "images": 0}).Reload()
tags = events.Tags()
for name in ("reward/train", "eval/soft"):
    expected = [(line["version"], line[name]) for line in lines if name in line]
    read = [(event.step, event.value) for event in events.Scalars(name)]
    assert [step for step, _ in read] == [step for step, _ in expected], (name, read, expected)
    assert numpy.allclose([v for _, v in read], [v for _, v in expected], atol=1e-6), name
assert "grid" in tags["images"] and events.Images("grid")[0].encoded_image_string[:4] == b"\x89PNG"
assert events.Histograms("reward/branches")[0].histogram_value.num > 0

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

print(
    f"formats: TensorBoard reads {records} records, {len(tags['scalars'])} scalars,"
    f" {len(tags['images'])} pictures, {len(tags['histograms'])} histograms; csv {len(rows)} rows;"
    f" safetensors all checkpoints; tfrecord {len(payloads)} records of the journal"
)
