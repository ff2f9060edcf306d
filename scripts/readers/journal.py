#!/usr/bin/env python3
"""Lists the records of a run's journal and checks every CRC32C; needs nothing but Python 3.

Usage: scripts/readers/journal.py RUN
A line for each record: segment, byte, kind, what it is about, bytes. Exit code 4 at the first
record that is not whole.
"""

import glob
import os
import signal
import struct
import sys

TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    TABLE.append(number)


def masked_crc32c(data):
    """CRC32C, turned and shifted as TFRecord wants it."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 0xFF]
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    """The offset and the bytes of each record: u64 length, its CRC, data, its CRC."""
    with open(path, "rb") as file:
        data = file.read()
    offset = 0
    while offset < len(data):
        head = data[offset : offset + 12]
        if len(head) < 12:
            raise SystemExit(fault(path, offset, "the file ends inside a record"))
        length, check = struct.unpack("<QI", head)
        if check != masked_crc32c(head[:8]):
            raise SystemExit(fault(path, offset, "the length does not match its checksum"))
        body = data[offset + 12 : offset + 12 + length]
        tail = data[offset + 12 + length : offset + 16 + length]
        if len(tail) < 4:
            raise SystemExit(fault(path, offset, "the file ends inside a record"))
        if struct.unpack("<I", tail)[0] != masked_crc32c(body):
            raise SystemExit(fault(path, offset, "the bytes do not match their checksum"))
        yield offset, body
        offset += 16 + length


def fault(path, offset, what):
    print(f"{path}: byte {offset}: {what}", file=sys.stderr)
    return 4


def varint(data, place):
    value = shift = 0
    while True:
        value |= (data[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if data[place - 1] < 0x80:
            return value, place


def fields(data):
    """The fields of a protobuf message, by number; the last one of each."""
    found, place = {}, 0
    while place < len(data):
        key, place = varint(data, place)
        if key & 7 == 0:
            found[key >> 3], place = varint(data, place)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, place = varint(data, place)
            found[key >> 3] = data[place : place + size]
            place += size
    return found


def describe(body):
    """The kind of a record and what it says, as proto/v1/journal.proto has it."""
    record = fields(body)
    if 1 in record:
        header = fields(record[1])
        return "header", f"run {header[1].decode()}"
    if 2 in record:
        unit = fields(record[2])
        version = fields(unit[4]).get(2, 0)
        return "unit", f"{unit.get(1, 0)} version {version} digest {unit[3].hex()}"
    if 4 in record:
        voided = fields(record[4])
        return "voided", f"unit {voided.get(1, 0)} digest {voided[3].hex()}"
    commit = fields(record[3])
    return "commit", f"update {commit.get(1, 0)} params_hash {commit[6].hex()}"


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    paths = sorted(glob.glob(os.path.join(sys.argv[1], "journal", "segment-*.tfr")))
    if not paths:
        print(f"{sys.argv[1]}: no journal", file=sys.stderr)
        raise SystemExit(64)
    # Whoever reads only the first lines has read enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for path in paths:
        number = int(path[-12:-4])
        for offset, body in records(path):
            kind, text = describe(body)
            print(number, offset, kind, text, len(body) + 16)


main()
