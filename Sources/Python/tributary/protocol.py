"""Questions and answers over the socket that Tributary opened.

    4 bytes n, little-endian | n bytes of JSON | m bytes of tensors, m = the header's "inline"

Nothing that a question says about itself is believed before it has been checked: what cannot be
read as a message is `Broken` and ends the program, what can be is answered, if need be with `error`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any, Mapping, Optional, Sequence

import numpy as np

from .failures import Broken, Refusal
from .tensors import INLINE_LIMIT, Memory, Place, is_whole, place, view

HEADER_LIMIT = 1_048_576
SENTENCE_LIMIT = 1_024
PROTOCOL = 1


class Question:
    """One question: its name, its number, and its fields, each checked when it is read."""

    def __init__(self, header: Mapping[str, Any], inline: bytearray, memory: Memory):
        self.ask: str = header["ask"]
        self.call: int = header["call"]
        self._fields = header
        self._inline = inline
        self._memory = memory

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number, low … high."""
        value = self._fields.get(name)
        if not is_whole(value) or not low <= value <= high:
            raise Refusal(f'"{name}" must be a whole number, {low} … {high}')
        return value

    def real(self, name: str) -> float:
        """A number that float32 can hold."""
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 3e38:
            raise Refusal(f'"{name}" must be a number')
        return float(np.float32(value))

    def text(self, name: str) -> str:
        return text(self._fields, name)

    def flag(self, name: str) -> bool:
        """A truth value; absent is false."""
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise Refusal(f'"{name}" must be true or false')
        return value

    def list(self, name: str) -> list:
        """A list; absent is empty."""
        value = self._fields.get(name, [])
        if not isinstance(value, list):
            raise Refusal(f'"{name}" must be a list')
        return value

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def first_side(self, name: str) -> int:
        """The first number of a tensor's shape; the rest is checked when the tensor is read."""
        named = self._fields.get(name)
        shape = named.get("shape") if isinstance(named, dict) else None
        if not isinstance(shape, list) or not shape or not is_whole(shape[0]):
            raise Refusal(f'"{name}" must be a tensor with a shape')
        return shape[0]

    def tensor(self, name: str, dtype: str, shape: Sequence[int]) -> np.ndarray:
        """A copy of a tensor that stands in the question."""
        found = self._place(name, dtype, shape)
        if found.at == "inline":
            if found.end > len(self._inline):
                raise Refusal(f'"{name}" ends at byte {found.end} of {len(self._inline)}')
            return view(found, self._inline).copy()
        return view(found, self._memory.bytes(self._memory_size)).copy()

    def into(self, dtype: str, shape: Sequence[int]) -> Place:
        """Where the answer's tensor is to be put."""
        found = self._place("into", dtype, shape)
        if found.at == "memory":
            self._memory.bytes(self._memory_size)
        return found

    def put(self, where: Place, array: np.ndarray) -> bytes:
        """Puts the answer's tensor in its place. Returns the answer's inline part."""
        if array.shape != where.shape:
            raise ValueError(f"an array {array.shape} for a place of {where.shape}")
        if where.at == "memory":
            view(where, self._memory.bytes(self._memory_size))[...] = array
            return b""
        return bytes(where.offset) + np.ascontiguousarray(array, where.dtype).tobytes()

    @property
    def _memory_size(self) -> int:
        return self.whole("memory", 0, 2**53) if self.has("memory") else 0

    def _place(self, name: str, dtype: str, shape: Sequence[int]) -> Place:
        return place(name, self._fields.get(name), dtype, shape, self._memory_size)


class Channel:
    """The program's end of the socket, and the memory file."""

    def __init__(self, connection: socket.socket, memory: Memory):
        self._connection = connection
        self._memory = memory
        connection.setblocking(True)

    @classmethod
    def from_environment(cls) -> "Channel":
        """The channel that Tributary opened for this process."""
        numbers = []
        for name in ("TRIBUTARY_SOCKET", "TRIBUTARY_MEMORY"):
            value = os.environ.get(name, "")
            if not (value.isascii() and value.isdigit() and len(value) < 10):
                raise Broken(
                    f"{name} names no open descriptor: this program is started by tributary, "
                    "which opens one for it")
            numbers.append(int(value))
            try:
                os.set_inheritable(numbers[-1], False)
            except OSError as error:
                raise Broken(f"{name} is {value}, which is no open descriptor") from error
        try:
            return cls(socket.socket(fileno=numbers[0]), Memory(numbers[1]))
        except OSError as error:
            raise Broken(f"TRIBUTARY_SOCKET is {numbers[0]}, which is no socket") from error

    def receive(self) -> Optional[Question]:
        """The next question; None when Tributary has closed the socket between two of them."""
        start = self._bytes(4, may_end=True)
        if start is None:
            return None
        (count,) = struct.unpack("<I", start)
        if not 1 <= count <= HEADER_LIMIT:
            raise Broken(f"a question's header has {count} bytes; 1 … {HEADER_LIMIT} are allowed")
        header = read_header(bytes(self._bytes(count)))
        return Question(header, self._bytes(header.get("inline", 0)), self._memory)

    def answer(self, question: Question, fields: Mapping[str, Any], inline: bytes = b"") -> None:
        """Answers with these fields and, behind them, the inline part."""
        self._send({"answer": question.ask, "call": question.call, **fields}, inline)

    def fail(self, question: Question, sentence: str, retry: bool) -> None:
        """Answers that there is no answer."""
        self._send({"answer": "error", "call": question.call, "sentence": one_line(sentence),
                    "retry": retry}, b"")

    def _send(self, header: dict, inline: bytes) -> None:
        if inline:
            header["inline"] = len(inline)
        encoded = json.dumps(header, allow_nan=False).encode()
        if len(encoded) > HEADER_LIMIT:
            raise Refusal(f"the answer's header has {len(encoded)} bytes; {HEADER_LIMIT} are allowed")
        try:
            self._connection.sendall(struct.pack("<I", len(encoded)) + encoded + inline)
        except OSError as error:
            raise Broken("the socket was closed before the answer was sent") from error

    def _bytes(self, count: int, may_end: bool = False) -> Optional[bytearray]:
        result = bytearray(count)
        rest = memoryview(result)
        while rest:
            try:
                got = self._connection.recv_into(rest)
            except OSError as error:
                raise Broken(f"the socket cannot be read: {error.strerror}") from error
            if got == 0:
                if may_end and len(rest) == count:
                    return None
                raise Broken("the socket was closed in the middle of a question")
            rest = rest[got:]
        return result


def read_header(encoded: bytes) -> dict:
    """The JSON object of a header with its three fields of every question checked."""
    try:
        header = json.loads(encoded.decode(), parse_constant=_refuse, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError) as error:
        raise Broken(f"a question's header is no JSON: {one_line(str(error))}") from error
    if not isinstance(header, dict):
        raise Broken("a question's header is no JSON object")
    if not isinstance(header.get("ask"), str) or not is_whole(header.get("call")):
        raise Broken('a question lacks "ask" or "call"')
    inline = header.get("inline", 0)
    if not is_whole(inline) or not 0 <= inline <= INLINE_LIMIT:
        raise Broken(f"a question's inline part must have 0 … {INLINE_LIMIT} bytes")
    return header


def text(fields: Any, name: str) -> str:
    """A text that can be written as UTF-8."""
    value = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(value, str):
        raise Refusal(f'"{name}" must be a text')
    if any(0xD800 <= ord(character) < 0xE000 for character in value):
        raise Refusal(f'"{name}" has half of a surrogate pair')
    return value


def one_line(sentence: str) -> str:
    """The sentence without line breaks, and no longer than counts."""
    line = " ".join(sentence.split()) or "no reason was given"
    encoded = line.encode(errors="replace")
    if len(encoded) > SENTENCE_LIMIT:
        encoded = encoded[: SENTENCE_LIMIT - 3] + "…".encode()
    return encoded.decode(errors="ignore")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _no_twice(pairs: list) -> dict:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice in one object")
    return fields
