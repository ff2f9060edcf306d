"""Answers Tributary's questions with a model's functions."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import math
import os
import re
import sys
import traceback
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np

from .contract import Contract, Prompt
from .failures import Broken, Refusal
from .program import Program, Rows
from .protocol import PROTOCOL, Channel, Question, text


def serve(model: Program) -> None:
    """Answers questions until Tributary says `bye` or closes the socket; the process ends then.

    It ends at once, and nothing that stands behind this call is run: to take large libraries apart, as the
    interpreter would, costs seconds on a busy machine, and a program that ends has 5 s.
    """
    for stream in (sys.stdout, sys.stderr):
        # Whatever is printed is there when something fails.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    _keep_memory()
    try:
        Server(model, Channel.from_environment()).run()
    except Broken as broken:
        sys.exit(str(broken))
    for stream in (sys.stdout, sys.stderr):
        # There may be none, or nobody who reads it.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(0)


def _keep_memory() -> None:
    """Has glibc keep what freed arrays leave for the next ones of the same sizes, instead of giving it back
    to the system and fetching it again page by page. Settings of the user's own stay as they are."""
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        trim_threshold, top_pad, mmap_threshold = -1, -2, -3
        for parameter, value in ((mmap_threshold, 2**25), (trim_threshold, 2**30), (top_pad, 2**26)):
            mallopt(parameter, value)


class Server:
    """Keeps parameter sets and encoded prompts, and checks what goes in and what comes out."""

    def __init__(self, model: Program, channel: Channel):
        self._model = model
        self._channel = channel
        self._contract: Optional[Contract] = None
        self._slots: Dict[int, Any] = {}
        self._prompts: Dict[int, Any] = {}

    def run(self) -> None:
        while True:
            question = self._channel.receive()
            if question is None:
                return
            self._answer(question)
            if question.ask == "bye":
                return

    def _answer(self, question: Question) -> None:
        try:
            answer = self._questions.get(question.ask)
            if answer is None:
                raise Refusal(f"this program does not know the question {question.ask[:64]!r}")
            fields, inline = answer(self, question)
            self._channel.answer(question, fields, inline)
        except Broken:
            raise
        except Refusal as refusal:
            self._channel.fail(question, str(refusal), refusal.retry)
        except MemoryError:
            traceback.print_exc()
            self._channel.fail(question, f"no memory for {question.ask}", True)
        except Exception as error:
            traceback.print_exc()
            reason = str(error).strip().partition("\n")[0]
            self._channel.fail(
                question, f"{question.ask} failed with {type(error).__name__}: {reason}", False)

    # The questions.

    def _hello(self, question: Question):
        spoken = question.whole("protocol", 0, 2**31)
        if spoken != PROTOCOL:
            raise Refusal(f"this program speaks protocol {PROTOCOL} of models and not {spoken}")
        seed, role = question.whole("seed", 0, 2**31 - 1), question.text("role")
        if self._contract is None:
            self._model.start(seed, role)
            contract = self._model.contract()
            if not isinstance(contract, Contract):
                raise Refusal(f"the model describes itself by a {type(contract).__name__}, "
                              "which is no Contract")
            self._contract = contract
        return self._contract.header(), b""

    def _initial(self, question: Question):
        contract = self._told()
        seed = question.whole("seed", 0, 2**53)
        into = question.into("f32", [contract.count])
        theta = dict(self._model.initial(seed))
        for name, shape in contract.parameters.items():
            theta.setdefault(name, np.zeros(shape, np.float32))
        return {}, question.put(into, self._flat("initial", theta))

    def _parameters(self, question: Question):
        contract = self._told()
        slot = question.whole("slot", 0, contract.slots - 1)
        if not re.fullmatch("[0-9a-f]{64}", question.text("digest")):
            raise Refusal('"digest" must be 64 hexadecimal digits')
        flat = question.tensor("theta", "f32", [contract.count])
        _finite("theta", flat)
        # A set that could not be applied is no set: the slot is empty until one could.
        self._slots.pop(slot, None)
        theta, start = {}, 0
        for name, shape in contract.parameters.items():
            end = start + math.prod(shape)
            theta[name] = flat[start:end].reshape(tuple(shape))
            start = end
        kept = self._model.apply(theta)
        applied = self._flat("applied", self._model.applied(kept))
        self._slots[slot] = kept
        return {"digest": hashlib.blake2b(applied.tobytes(), digest_size=32).hexdigest()}, b""

    def _tell_prompts(self, question: Question):
        contract = self._told()
        forgotten = set()
        for number in question.list("forget"):
            if isinstance(number, bool) or not isinstance(number, int):
                raise Refusal('"forget" must be a list of whole numbers')
            forgotten.add(number)
        told = {}
        for entry in question.list("prompts"):
            number = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**31:
                raise Refusal('a prompt must have an "id", a whole number, 0 … 2147483647')
            if number in told:
                raise Refusal(f"prompt {number} is told twice in one question")
            told[number] = self._prompt(entry, contract)
        standing = (self._prompts.keys() - forgotten) | told.keys()
        if len(standing) > contract.prompts:
            raise Refusal(f"{len(standing)} prompts are to be kept; {contract.prompts} are promised")
        encoded = {number: self._model.encoded(prompt) for number, prompt in told.items()}
        for number in forgotten:
            self._prompts.pop(number, None)
        self._prompts.update(encoded)
        return {}, b""

    def _velocities(self, question: Question):
        contract = self._told()
        kept, rows = self._slot(question), self._rows(question)
        into = question.into("f32", [len(rows.sigma), contract.latent_count])
        call = question.call if question.flag("keep") else None
        v = self._model.forward(kept, rows, call)
        shape = rows.x.shape
        return {}, question.put(into, _numbers("velocities", v, shape).reshape(into.shape))

    def _pullback(self, question: Question):
        contract = self._told()
        kept, rows = self._slot(question), self._rows(question)
        call = question.whole("kept", -2**53, 2**53) if question.has("kept") else None
        slopes = question.tensor("slopes", "f32", [len(rows.sigma), contract.latent_count])
        _finite("slopes", slopes)
        into = question.into("f32", [contract.count])
        gradient = self._model.backward(kept, rows, slopes.reshape(rows.x.shape), call)
        return {}, question.put(into, self._flat("pullback", gradient))

    def _pictures(self, question: Question):
        contract = self._told()
        if contract.picture is None:
            raise Refusal("this model decodes no pictures")
        x = self._latents(question, self._count(question, "x"))
        into = question.into("u8", [len(x), *contract.picture, 3])
        pictures = np.asarray(self._model.pictures(x))
        if pictures.dtype != np.uint8 or pictures.shape != into.shape:
            raise Refusal(f"pictures returned {pictures.dtype} of shape {list(pictures.shape)}; "
                          f"uint8 of shape {list(into.shape)} is wanted")
        return {}, question.put(into, pictures)

    def _export(self, question: Question):
        self._told()
        self._model.export(self._slot(question), question.text("folder"))
        return {}, b""

    def _bye(self, question: Question):
        return {}, b""

    _questions: Mapping[str, Callable] = {
        "hello": _hello, "initial": _initial, "parameters": _parameters, "prompts": _tell_prompts,
        "velocities": _velocities, "pullback": _pullback, "pictures": _pictures, "export": _export,
        "bye": _bye,
    }

    # What several questions have.

    def _told(self) -> Contract:
        if self._contract is None:
            raise Refusal("hello comes first")
        return self._contract

    def _slot(self, question: Question) -> Any:
        slot = question.whole("slot", 0, self._contract.slots - 1)
        if slot not in self._slots:
            raise Refusal(f"slot {slot} has no parameters yet")
        return self._slots[slot]

    def _rows(self, question: Question) -> Rows:
        contract = self._contract
        count = self._count(question, "prompt")
        numbers = question.tensor("prompt", "i32", [count])
        sigma = question.tensor("sigma", "f32", [count])
        if not ((sigma >= 0) & (sigma <= 1)).all():
            raise Refusal('every "sigma" must be in 0 … 1')
        guidance = question.real("guidance")
        if contract.guidance == "none" and guidance != 1:
            raise Refusal("this model knows no guidance, so it must be 1")
        for number in np.unique(numbers).tolist():
            if number not in self._prompts:
                raise Refusal(f"prompt {number} has not been told")
        encoded = [self._prompts[number] for number in numbers.tolist()]
        return Rows(self._latents(question, count), sigma, encoded, guidance)

    def _count(self, question: Question, name: str) -> int:
        """R, the first side of a tensor."""
        count = question.first_side(name)
        if not 1 <= count <= self._contract.max_rows:
            raise Refusal(f"a question has 1 … {self._contract.max_rows} rows, not {count}")
        return count

    def _latents(self, question: Question, count: int) -> np.ndarray:
        x = question.tensor("x", "f32", [count, self._contract.latent_count])
        _finite("x", x)
        return x.reshape(count, *self._contract.latent)

    def _prompt(self, entry: dict, contract: Contract) -> Prompt:
        metadata = entry.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise Refusal('a prompt\'s "metadata" must be an object')
        negative = text(entry, "negative") if entry.get("negative") is not None else ""
        read = {name: metadata[name] for name in contract.metadata if name in metadata}
        return Prompt(text(entry, "text"), negative, read)

    def _flat(self, what: str, named: Mapping[str, Any]) -> np.ndarray:
        """The vector [P] of arrays by name, none missing and none too much."""
        parameters = self._contract.parameters
        if not isinstance(named, Mapping):
            raise Refusal(f"{what} must return arrays by name, not a {type(named).__name__}")
        for name in named:
            if name not in parameters:
                raise Refusal(f"{what} has an array {name!r}, which is no parameter of the contract")
        flat, start = np.empty(self._contract.count, "<f4"), 0
        for name, shape in parameters.items():
            if name not in named:
                raise Refusal(f"{what} has no array for the parameter {name!r}")
            part = _numbers(f"{what} of {name!r}", named[name], tuple(shape), exactly=True)
            flat[start:start + part.size] = part.ravel()
            start += part.size
        return flat


def _numbers(what: str, array: Any, shape: tuple, exactly: bool = False) -> np.ndarray:
    """The array in float32, if it has this shape (or its rows flattened) and is finite."""
    array = np.asarray(array)
    flattened = (shape[0], math.prod(shape[1:])) if shape and not exactly else shape
    if array.shape not in (shape, flattened):
        raise Refusal(f"{what} has shape {list(array.shape)}; {list(shape)} is wanted")
    if array.dtype.kind not in "fiu":
        raise Refusal(f"{what} has {array.dtype} numbers; float32 is wanted")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    _finite(what, array)
    return array


def _finite(what: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0].tolist()
        raise Refusal(f"{what} is not finite, first at {first}")
