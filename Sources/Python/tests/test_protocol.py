"""The protocol, with numpy alone."""

import contextlib
import hashlib
import io
import json
import os
import socket
import struct
import subprocess
import sys
import unittest

import numpy as np

import tributary
from tributary.failures import Broken
from tests.asking import PACKAGE, Answered, rows, served, slope_error, started
from tributary.examples.linear import Linear


class LinearModel(unittest.TestCase):
    """The example answers as the page says."""

    def test_the_whole_conversation(self):
        for inline in (False, True):
            with self.subTest(inline=inline), served(Linear()) as asker:
                asker.inline = inline
                contract = asker.hello()
                self.assertEqual(contract["protocol"], 1)
                self.assertEqual(contract["latent"], [5, 10])
                self.assertEqual(asker.count, 400)
                theta = asker.initial()
                self.assertGreater(np.abs(theta).max(), 0)
                self.assertTrue(asker.parameters(theta))
                asker.prompts("a red circle", "", "two squares")
                prompt, sigma, x, slopes = rows(asker, [0, 0, 2, 1])
                v = asker.velocities(prompt, sigma, x, keep=True)
                gradient = asker.pullback(prompt, sigma, x, slopes, kept=asker.call)
                self.assertTrue(np.isfinite(v).all() and np.isfinite(gradient).all())
                pictures = asker.ask("pictures", into=("u8", [4, 32, 32, 3]), tensors={"x": x})
                self.assertGreater(len(np.unique(pictures)), 10)
                self.assertEqual(asker.ask("bye")["answer"], "bye")
                self.assertIsNone(asker.receive())
                self.assertEqual(asker.errors, [])

    def test_slopes_are_finite_differences(self):
        with served(Linear((3, 4))) as asker:
            asker.hello()
            theta = asker.initial()
            asker.parameters(theta)
            asker.prompts("one", "two")
            given = rows(asker, [0, 0, 1])
            for guidance in (1.0, 3.5):
                gradient = asker.pullback(*given, guidance=guidance)
                error = slope_error(asker, theta, gradient, *given, step=0.1, guidance=guidance)
                self.assertLess(error, 1e-3)

    def test_rows_do_not_depend_on_their_neighbours(self):
        with served(Linear()) as asker:
            asker.hello()
            asker.parameters(asker.initial())
            asker.prompts("one", "two", "three")
            prompt, sigma, x, _ = rows(asker, np.repeat([0, 1, 2], 23))
            for guidance in (1.0, 2.5):
                together = asker.velocities(prompt, sigma, x, guidance=guidance)
                for part in (slice(0, 1), slice(5, 40), slice(68, 69)):
                    alone = asker.velocities(prompt[part], sigma[part], x[part], guidance=guidance)
                    self.assertEqual(alone.tobytes(), together[part].tobytes())

    def test_rows_of_a_prompt_may_stand_apart(self):
        with served(Linear()) as asker:
            asker.hello()
            asker.parameters(asker.initial())
            asker.prompts("one", "two")
            prompt, sigma, x, _ = rows(asker, [0, 1, 0, 1, 1])
            order = np.argsort(prompt, kind="stable")
            apart = asker.velocities(prompt, sigma, x)
            together = asker.velocities(prompt[order], sigma[order], x[order])
            self.assertEqual(apart[order].tobytes(), together.tobytes())

    def test_guidance_is_linear(self):
        with served(Linear()) as asker:
            asker.hello()
            asker.parameters(asker.initial())
            asker.prompts("one", "")
            _, sigma, x, _ = rows(asker, [0, 0])
            own, none = (asker.velocities([p, p], sigma, x) for p in (0, 1))
            guided = asker.velocities([0, 0], sigma, x, guidance=3.0)
            np.testing.assert_allclose(guided, 3 * own - 2 * none, atol=1e-5)

    def test_two_processes_say_the_same(self):
        said = []
        for seed in (5, 5):
            with started("-m", "tributary.examples.linear", "--latent", "2x3") as (asker, process):
                contract = asker.hello()
                asker.parameters(asker.initial(seed))
                asker.prompts("one")
                given = rows(asker, [0] * 7)
                said.append((contract, asker.velocities(*given[:3]).tobytes(),
                             asker.pullback(*given).tobytes()))
                asker.ask("bye")
                self.assertEqual(process.wait(5), 0)
        self.assertEqual(*said)


class Hostile(unittest.TestCase):
    """Tributary is a peer like any other."""

    def refused(self, asker, pattern, call, *arguments, retry=False, **fields):
        with self.assertRaisesRegex(Answered, pattern) as caught:
            call(*arguments, **fields)
        self.assertEqual(caught.exception.retry, retry)

    @contextlib.contextmanager
    def ready(self, model=None):
        with served(model or Linear((2, 3))) as asker:
            asker.hello()
            asker.parameters(np.zeros(asker.count))
            asker.prompts("one", "two")
            yield asker
            self.assertEqual(asker.errors, [])

    def test_fields_that_are_wrong_are_refused_and_the_next_question_answered(self):
        with self.ready() as asker:
            prompt, sigma, x, slopes = rows(asker, [0, 0, 1])
            ask = lambda **changed: asker.velocities(
                **{"prompt": prompt, "sigma": sigma, "x": x, **changed})
            self.refused(asker, "slot 1 has no parameters", ask, slot=1)
            self.refused(asker, '"slot" must be', ask, slot=64)
            self.refused(asker, '"slot" must be', ask, slot=-1)
            self.refused(asker, '"slot" must be', ask, slot=True)
            self.refused(asker, '"slot" must be', ask, slot="0")
            self.refused(asker, '"guidance" must be', ask, guidance="1")
            self.refused(asker, '"guidance" must be', ask, guidance=1e300)
            self.refused(asker, '"keep" must be', ask, keep=1)
            self.refused(asker, "prompt 9 has not been told", ask, prompt=[0, 0, 9])
            self.refused(asker, '"sigma" must be in', ask, sigma=sigma + 1)
            self.refused(asker, '"sigma" must be in', ask, sigma=sigma * np.nan)
            self.refused(asker, "x is not finite, first at .2, 1.", ask,
                         x=np.where(np.arange(18).reshape(3, 6) == 13, np.inf, x))
            self.refused(asker, '"x" must have shape', ask, x=x[:2])
            self.refused(asker, "rows, not 0", ask, prompt=[], sigma=[], x=x[:0])
            self.refused(asker, "rows, not 5000", ask, prompt=[0] * 5000)
            self.refused(asker, "slopes is not finite", asker.pullback, prompt, sigma, x, slopes * np.inf)
            self.refused(asker, "does not know", asker.ask, "encode")
            self.refused(asker, "theta is not finite", asker.parameters, np.full(asker.count, np.nan))
            self.refused(asker, '"theta" must have shape', asker.parameters, np.zeros(asker.count + 1))
            self.refused(asker, '"seed" must be', asker.initial, -1)
            self.assertEqual(ask().shape, (3, 6))

    def test_places_outside_of_what_is_there_are_refused(self):
        with self.ready() as asker:
            size = os.fstat(asker.memory).st_size
            good = {"dtype": "f32", "shape": [1, 6], "at": "memory", "offset": 0}
            for change, pattern in (
                ({"offset": 32}, "multiple of 64"),
                ({"offset": -64}, "multiple of 64"),
                ({"offset": 0.0}, "multiple of 64"),
                ({"offset": size}, f"of {size}"),
                ({"offset": 2**52}, f"of {size}"),
                ({"at": "disk"}, '"inline" or "memory"'),
                ({"at": "inline", "offset": 2}, "multiple of 4"),
                ({"at": "inline", "offset": 65_520}, "of 65536"),
                ({"at": "inline", "offset": 0}, "of 0"),
                ({"dtype": "f64"}, "dtype f32"),
                ({"dtype": ["f32"]}, "dtype f32"),
                ({"shape": [1, -6]}, "list of whole numbers"),
                ({"shape": [2**40, 2**40]}, "rows, not"),
                ({"shape": [1, 7]}, "must have shape"),
                ({"shape": "16"}, "must be a tensor"),
                ({"shape": []}, "must be a tensor"),
            ):
                for name in ("x", "into"):
                    if name == "into" and pattern in ("rows, not", "of 0", "must be a tensor"):
                        continue
                    fields = {"x": dict(good), "into": dict(good, dtype="u8", shape=[1, 32, 32, 3])}
                    if name == "into" and ("shape" in change or "dtype" in change):
                        pattern = '"into" must have'
                    fields[name].update(change)
                    with self.subTest(name=name, change=change):
                        self.refused(asker, pattern, asker.ask, "pictures", **fields)
            for memory, pattern in ((2**53, "bytes"), (size + 64, "bytes"), (-1, '"memory" must'),
                                    (2**60, '"memory" must'), ("64", '"memory" must')):
                with self.subTest(memory=memory), self.assertRaisesRegex(Answered, pattern):
                    asker.send({"ask": "pictures", "call": 1, "memory": memory, "x": good,
                                "into": dict(good, dtype="u8", shape=[1, 32, 32, 3])})
                    answer, _ = asker.receive()
                    raise Answered(answer["sentence"], answer["retry"])

    def test_a_memory_file_that_shrank_is_refused(self):
        with self.ready() as asker:
            prompt, sigma, x, _ = rows(asker, [0] * 300)
            asker.velocities(prompt, sigma, x)
            os.ftruncate(asker.memory, 64)
            self.refused(asker, "memory file has", asker.initial)

    def test_a_memory_file_that_grew_is_mapped_again(self):
        with self.ready() as asker:
            for count in (3, 300, 3000):
                prompt, sigma, x, _ = rows(asker, [0] * count)
                self.assertEqual(asker.velocities(prompt, sigma, x).shape, (count, 6))

    def test_prompts_that_are_wrong_change_nothing(self):
        with self.ready() as asker:
            for prompts, pattern in (
                ([{"id": 5}], '"text" must be'),
                ([{"id": 5, "text": 7}], '"text" must be'),
                ([{"id": 5, "text": "\ud800"}], "surrogate"),
                ([{"id": -1, "text": ""}], 'an "id"'),
                ([{"id": 2**31, "text": ""}], 'an "id"'),
                (["five"], 'an "id"'),
                ("five", "must be a list"),
                ([{"id": 5, "text": "a"}, {"id": 5, "text": "b"}], "told twice"),
                ([{"id": 5, "text": "a", "metadata": [1]}], '"metadata" must be'),
            ):
                with self.subTest(prompts=prompts):
                    self.refused(asker, pattern, asker.ask, "prompts", prompts=prompts, forget=[0])
            self.refused(asker, "forget", asker.ask, "prompts", forget=["0"])
            _, sigma, x, _ = rows(asker, [0])
            asker.velocities([0], sigma, x)
            asker.ask("prompts", forget=[0])
            self.refused(asker, "prompt 0 has not been told", asker.velocities, [0], sigma, x)
            asker.ask("prompts", prompts=[{"id": 0, "text": "anew"}], forget=[0])
            asker.velocities([0], sigma, x)

    def test_what_cannot_be_read_ends_the_program_with_a_sentence(self):
        hello = {"ask": "hello", "call": 0, "protocol": 1, "role": "check", "seed": 1}
        frame = lambda header: struct.pack("<I", len(header)) + header
        for sent, pattern in (
            (struct.pack("<I", 0), "0 bytes"),
            (struct.pack("<I", 1_048_577), "1048577 bytes"),
            (frame(b"{"), "no JSON"),
            (frame(b"\xff\xfe"), "no JSON"),
            (frame(b"[" * 100_000), "no JSON"),
            (frame(b'{"ask": "bye", "call": NaN}'), "no JSON"),
            (frame(b'{"ask": "bye", "call": 1, "call": 2}'), "twice"),
            (frame(b"9" * 10_000), "no JSON"),
            (frame(b"[]"), "no JSON object"),
            (frame(b'{"ask": "bye"}'), '"call"'),
            (frame(b'{"call": 1}'), '"ask"'),
            (frame(b'{"ask": "bye", "call": 99999999999999999999}'), '"call"'),
            (frame(b'{"ask": "bye", "call": 1, "inline": 65537}'), "inline"),
            (frame(b'{"ask": "bye", "call": 1, "inline": -1}'), "inline"),
            (frame(b'{"ask": "bye", "call": 1, "inline": 8}') + b"1234", "middle"),
            (b"\x01\x00", "middle"),
        ):
            with self.subTest(sent=sent[:40]), served(Linear((2, 3))) as asker:
                asker.send(hello)
                asker.receive()
                asker.connection.sendall(sent)
                asker.connection.shutdown(socket.SHUT_WR)
                self.assertIsNone(asker.receive())
                self.assertRegex(str(asker.errors[0]), pattern)
                self.assertNotIn("\n", str(asker.errors[0]))

    def test_questions_before_hello_and_other_protocols_are_refused(self):
        with served(Linear((2, 3))) as asker:
            asker.count, asker.latent = 60, 6
            self.refused(asker, "hello comes first", asker.initial)
            self.refused(asker, "speaks protocol 1", asker.ask, "hello", protocol=2, seed=0, role="x")

    def test_random_bytes_get_an_answer_or_end_the_program(self):
        draw = np.random.default_rng(3)
        whole = json.dumps({
            "ask": "velocities", "call": 3, "slot": 0, "guidance": 1.0, "memory": 4096, "keep": True,
            "prompt": {"dtype": "i32", "shape": [1], "at": "memory", "offset": 0},
            "sigma": {"dtype": "f32", "shape": [1], "at": "memory", "offset": 64},
            "x": {"dtype": "f32", "shape": [1, 6], "at": "memory", "offset": 128},
            "into": {"dtype": "f32", "shape": [1, 6], "at": "memory", "offset": 256}}).encode()
        for _ in range(60):
            with served(Linear((2, 3))) as asker:
                asker.hello()
                asker.parameters(np.zeros(asker.count))
                asker.prompts("one")
                os.ftruncate(asker.memory, 0)
                os.ftruncate(asker.memory, 4096)
                header = bytearray(whole)
                for place in draw.integers(0, len(header), 3):
                    header[place] = draw.integers(0, 256)
                asker.send(bytes(header))
                asker.connection.shutdown(socket.SHUT_WR)
                answer = asker.receive()
                self.assertTrue(answer or [type(e) for e in asker.errors] == [Broken], header)
                if answer and answer[0]["answer"] != "error":
                    self.assertEqual(answer[0]["call"], json.loads(header)["call"])

    def test_a_program_that_is_started_by_hand_says_what_it_is(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIBUTARY_")}
        for given, pattern in (({}, "started by tributary"),
                               ({"TRIBUTARY_SOCKET": "x"}, "started by tributary"),
                               ({"TRIBUTARY_SOCKET": "77", "TRIBUTARY_MEMORY": "78"}, "no open"),
                               ({"TRIBUTARY_SOCKET": "2", "TRIBUTARY_MEMORY": "2"}, "no socket")):
            done = subprocess.run(
                [sys.executable, "-m", "tributary.examples.linear"], stdin=subprocess.DEVNULL,
                env={**environment, **given, "PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, pattern)
            self.assertEqual(done.stderr.count("\n"), 1)


class UsersCode(unittest.TestCase):
    """What a model returns is checked before it is sent."""

    def said(self, change, question="velocities"):
        """The answer `error` that a model gives whose class has these methods instead."""
        class Changed(Linear):
            pass
        for name, method in change.items():
            setattr(Changed, name, method)
        with served(Changed((2, 3))) as asker, contextlib.redirect_stderr(io.StringIO()) as told:
            with self.assertRaises(Answered) as caught:
                asker.hello()
                if question == "initial":
                    asker.initial()
                asker.parameters(np.zeros(asker.count))
                asker.prompts("one")
                prompt, sigma, x, slopes = rows(asker, [0, 0])
                if question == "pullback":
                    asker.pullback(prompt, sigma, x, slopes)
                elif question == "pictures":
                    asker.ask("pictures", into=("u8", [2, 32, 32, 3]), tensors={"x": x})
                else:
                    asker.velocities(prompt, sigma, x)
            self.assertNotIn("\n", str(caught.exception))
            self.traceback = told.getvalue()
        return caught.exception

    def test_wrong_results_are_one_sentence(self):
        zeros = lambda *shape, dtype="f4": lambda *_: np.zeros(shape, dtype)
        whole = {"scale": 6, "tilt": 6, "shift": 6, "drift": 6, "mix": (6, 4)}
        gradient = {name: np.zeros(shape, "f4") for name, shape in whole.items()}
        without = {name: array for name, array in gradient.items() if name != "tilt"}
        for question, name, method, pattern in (
            ("velocities", "velocities", zeros(3, 6), r"velocities has shape \[3, 6\]"),
            ("velocities", "velocities", zeros(12), "velocities has shape"),
            ("velocities", "velocities", zeros(2, 6, dtype="c8"), "complex64 numbers"),
            ("velocities", "velocities", lambda *_: np.full((2, 6), np.nan), "not finite, first at"),
            ("velocities", "velocities", lambda *_: np.full((2, 6), 1e300), "not finite, first at"),
            ("velocities", "velocities", lambda *_: None, "velocities has shape"),
            ("velocities", "velocities", lambda *_: [[1], [2, 3]], "failed with ValueError"),
            ("pullback", "pullback", lambda *_: without, "no array for the parameter 'tilt'"),
            ("pullback", "pullback", lambda *_: {**gradient, "new": 0}, "'new', which is no"),
            ("pullback", "pullback", lambda *_: {**gradient, "mix": gradient["tilt"]}, "of 'mix' has"),
            ("pullback", "pullback", lambda *_: {**gradient, "mix": gradient["mix"] / 0}, "not finite"),
            ("pullback", "pullback", zeros(48), "arrays by name"),
            ("initial", "initial", lambda *_: {"scale": np.zeros(7)}, "initial of 'scale' has shape"),
            ("prompts", "encode", lambda *_: [], "encode must return"),
            ("prompts", "encode", lambda *_: None, "encode must return"),
            ("pictures", "pictures", zeros(2, 32, 32, 3), "pictures returned float32"),
            ("pictures", "pictures", zeros(2, 32, 32, dtype="u1"), "pictures returned uint8"),
            ("hello", "describe", lambda *_: {}, "which is no Contract"),
        ):
            with self.subTest(question=question, pattern=pattern), np.errstate(all="ignore"):
                answered = self.said({name: method}, question)
                self.assertRegex(str(answered), pattern)
                self.assertFalse(answered.retry)

    def test_exceptions_become_sentences(self):
        def fails(error):
            def method(*_):
                raise error
            return {"velocities": method}

        answered = self.said(fails(ValueError("no such\nrow")))
        self.assertEqual(str(answered), "velocities failed with ValueError: no such")
        self.assertIn("Traceback", self.traceback)
        self.assertFalse(answered.retry)
        answered = self.said(fails(tributary.Refusal("not this one")))
        self.assertEqual((str(answered), answered.retry), ("not this one", False))
        answered = self.said(fails(tributary.Retry("try again")))
        self.assertEqual((str(answered), answered.retry), ("try again", True))
        answered = self.said(fails(MemoryError()))
        self.assertTrue(answered.retry)
        answered = self.said(fails(tributary.Refusal("é" * 5000)))
        self.assertLessEqual(len(str(answered).encode()), 1024)

    def test_the_digest_is_of_what_was_applied(self):
        class Rounds(Linear):
            def apply(self, theta):
                return {name: part.astype(np.float16) for name, part in theta.items()}

        with served(Rounds((2, 3))) as asker:
            asker.hello()
            self.assertTrue(asker.parameters(np.full(asker.count, 0.5)))
            self.assertFalse(asker.parameters(np.full(asker.count, 0.1)))

    def test_contracts_that_break_a_rule_are_refused(self):
        good = dict(name="m", version="1", latent=[2], parameters={"w": [2]}, base="0" * 64)
        self.assertEqual(tributary.Contract(**good).header()["parameters"], [{"name": "w", "shape": [2]}])
        for change in (
            {"name": ""}, {"name": "m" * 65}, {"version": 1}, {"base": "0"}, {"base": "G" * 64},
            {"parameters": {}}, {"parameters": {"w": [0]}}, {"parameters": {"w": [2**31]}},
            {"parameters": {"": [1]}}, {"latent": []}, {"latent": [2**23]}, {"latent": "50"},
            {"picture": (3,)}, {"picture": (0, 3)}, {"guidance": "some"}, {"evaluations": 3},
            {"exact": 1}, {"max_rows": 0}, {"max_rows": 65_537}, {"slots": 3}, {"prompts": 63},
            {"metadata": "seed"}, {"class_": "c" * 257},
        ):
            with self.subTest(change=change), self.assertRaises(tributary.Refusal) as caught:
                tributary.Contract(**{**good, **change})
            self.assertIn("contract", str(caught.exception))

    def test_the_digest_is_the_one_of_the_page(self):
        with served(Linear((2, 3))) as asker:
            asker.hello()
            theta = np.arange(asker.count, dtype="<f4")
            told = asker.ask("parameters", tensors={"theta": theta}, slot=2, digest="0" * 64)
            self.assertEqual(
                told["digest"], hashlib.blake2b(theta.tobytes(), digest_size=32).hexdigest())


if __name__ == "__main__":
    unittest.main()
