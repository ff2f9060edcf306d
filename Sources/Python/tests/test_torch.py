"""Models in torch; skipped where torch is missing."""

import contextlib
import io
import unittest
from pathlib import Path

import numpy as np

import tributary
from tests.asking import Answered, rows, served, slope_error

try:
    import torch
except ImportError:
    raise unittest.SkipTest("torch is not installed: models in torch are not tested") from None

import tributary.torch
from tributary.dit import Architecture, DiT, as_torch
from tributary.shapes import TASKS, BuiltIn

RESOURCES = Path(__file__).parents[2] / "World/Tasks/Resources"


class Small(tributary.torch.Model):
    """A frozen layer, a trained one, and prompts by their length."""

    def describe(self):
        torch.manual_seed(3)
        self.frozen = torch.nn.Linear(3, 16)
        self.trained = torch.nn.Linear(16, 2)
        for parameter in self.frozen.parameters():
            parameter.requires_grad_(False)
        return tributary.torch.Description(
            name="small", version="1", latent=[2], picture=(4, 4), max_rows=100,
            modules={"frozen": self.frozen, "trained": self.trained}, **self.more())

    def more(self):
        return {}

    def encode(self, prompts):
        return [torch.tensor(float(len(prompt.text))) for prompt in prompts]

    def velocities(self, x, sigma, encoded, guidance):
        def network(x, sigma, lengths):
            given = torch.cat((x * sigma[:, None], torch.stack(lengths)[:, None]), -1)
            return self.trained(torch.tanh(self.frozen(given)))
        return tributary.torch.linear_guidance(
            network, x, sigma, encoded, [torch.tensor(0.0)] * len(encoded), guidance)

    def decode(self, x):
        return x.mean(1)[:, None, None, None].expand(-1, 3, 4, 4)


@contextlib.contextmanager
def ready(model):
    with served(model) as asker, contextlib.redirect_stderr(io.StringIO()):
        asker.hello()
        asker.theta = asker.initial()
        asker.applied = asker.parameters(asker.theta)
        asker.prompts("a", "bbb", "")
        yield asker


class TorchModel(unittest.TestCase):
    def test_theta_is_what_has_a_gradient_and_starts_as_it_was_made(self):
        model = Small()
        with ready(model) as asker:
            names = [p["name"] for p in asker.contract["parameters"]]
            self.assertEqual(names, ["trained.weight", "trained.bias"])
            torch.manual_seed(3)
            torch.nn.Linear(3, 16)
            expected = torch.nn.Linear(16, 2).weight.detach().numpy()
            np.testing.assert_array_equal(asker.theta[:32], expected.ravel())
            self.assertTrue(asker.applied)

    def test_slopes_are_finite_differences(self):
        with ready(Small()) as asker:
            given = rows(asker, [0, 0, 1])
            for guidance in (1.0, 3.5):
                gradient = asker.pullback(*given, guidance=guidance)
                error = slope_error(asker, asker.theta, gradient, *given, step=0.1, guidance=guidance)
                self.assertLess(error, 1e-3)

    def test_a_kept_graph_and_a_new_one_have_the_same_bits(self):
        for fixed in (False, True):
            model = Small()
            model.fixed = fixed
            with self.subTest(fixed=fixed), ready(model) as asker:
                prompt, sigma, x, slopes = rows(asker, [0] * 13 + [1] * 8)
                v = asker.velocities(prompt, sigma, x)
                anew = asker.pullback(prompt, sigma, x, slopes)
                self.assertEqual(asker.velocities(prompt, sigma, x, keep=True).tobytes(), v.tobytes())
                used = self.graphs_used(model, asker, prompt, sigma, x, slopes)
                self.assertEqual(used.tobytes(), anew.tobytes())
                # A graph of other rows, or under other parameters, is not used.
                asker.velocities(prompt, sigma, x + 1, keep=True)
                wrong = asker.pullback(prompt, sigma, x, slopes, kept=asker.call)
                self.assertEqual(wrong.tobytes(), anew.tobytes())
                asker.velocities(prompt, sigma, x, keep=True)
                call = asker.call
                asker.parameters(asker.theta * 2)
                doubled = asker.pullback(prompt, sigma, x, slopes, kept=call)
                self.assertEqual(doubled.tobytes(), asker.pullback(prompt, sigma, x, slopes).tobytes())

    def graphs_used(self, model, asker, *given):
        """The pullback of a kept graph, during which the network must not be called."""
        own = model.velocities
        model.velocities = None
        try:
            return asker.pullback(*given, kept=asker.call)
        finally:
            model.velocities = own

    def test_rows_do_not_depend_on_their_neighbours(self):
        with ready(Small()) as asker:
            self.assertTrue(asker.contract["row_invariant"])
            check_rows(self, asker, [1.0, 2.5])

    def test_padding_is_enough_for_layers_of_any_width(self):
        torch.set_num_threads(1)
        draw = torch.Generator().manual_seed(0)
        for inputs in (2, 3, 5, 7, 17, 50, 64):
            for outputs in (1, 2, 3, 10, 17, 64):
                weight, bias = torch.randn(outputs, inputs, generator=draw), torch.randn(outputs)
                layer = lambda x: torch.nn.functional.gelu(
                    torch.nn.functional.silu(torch.nn.functional.linear(x, weight, bias)))
                x = torch.randn(3 * Small.rows, inputs, generator=draw)
                together = layer(x)
                for first in (0, 1, 37):
                    alone = layer(x[first:first + 1].expand(Small.rows, -1).contiguous())
                    self.assertTrue(torch.equal(alone[0], together[first]), (inputs, outputs, first))

    def test_velocities_and_digest_follow_theta_of_the_slot(self):
        with ready(Small()) as asker:
            prompt, sigma, x, _ = rows(asker, [0, 1])
            first = asker.velocities(prompt, sigma, x)
            asker.parameters(asker.theta + 1, slot=1)
            other = asker.velocities(prompt, sigma, x, slot=1)
            self.assertGreater(np.abs(first - other).min(), 0)
            self.assertEqual(asker.velocities(prompt, sigma, x).tobytes(), first.tobytes())

    def test_an_adapter_that_is_not_applied_has_another_digest(self):
        class Forgets(Small):
            def load(self, theta):
                with torch.no_grad():
                    self.trained.weight.copy_(theta["trained.weight"])

        with ready(Forgets()) as asker:
            self.assertTrue(asker.applied)
            self.assertFalse(asker.parameters(asker.theta * 2))

    def test_an_adapter_that_does_nothing_is_refused(self):
        class Beside(Small):
            def velocities(self, x, sigma, encoded, guidance):
                return x + self.trained.bias if self.half else x * 2

        for half, pattern in ((False, "no gradient reaches any"), (True, "1 of 2 parameters")):
            model = Beside()
            model.half = half
            with self.subTest(half=half), ready(model) as asker:
                with self.assertRaisesRegex(Answered, pattern):
                    asker.pullback(*rows(asker, [0]))
        model.more = lambda: {"may_be_unused": True}
        with ready(model) as asker:
            gradient = asker.pullback(*rows(asker, [0]))
            self.assertEqual(np.abs(gradient[:32]).max(), 0)

    def test_what_is_not_theta_is_in_the_base(self):
        digests = []
        for change in ({}, {"base": "encoder"}, {"adapter": {"r": 8, "targets": {"b", "a"}}}, {}):
            model = Small()
            model.more = lambda change=change: change
            with ready(model) as asker:
                digests.append(asker.contract["base"])

        class Other(Small):
            def more(self):
                self.frozen.bias.data[3] += 1e-6
                return {}

        with ready(Other()) as asker:
            digests.append(asker.contract["base"])
        self.assertEqual(digests[0], digests[3])
        self.assertEqual(len(set(digests)), 4)

    def test_no_memory_is_asked_again(self):
        class Full(Small):
            def velocities(self, x, sigma, encoded, guidance):
                if torch.is_grad_enabled() or not self.fits:
                    raise torch.cuda.OutOfMemoryError("out of memory")
                return x

        model = Full()
        with ready(model) as asker:
            prompt, sigma, x, slopes = rows(asker, [0])
            model.fits = True
            np.testing.assert_array_equal(asker.velocities(prompt, sigma, x, keep=True), x)
            for fits, ask in ((True, lambda: asker.pullback(prompt, sigma, x, slopes)),
                              (False, lambda: asker.velocities(prompt, sigma, x))):
                model.fits = fits
                with self.assertRaisesRegex(Answered, "no memory on the device") as caught:
                    ask()
                self.assertTrue(caught.exception.retry)

    def test_wrong_descriptions_and_results_are_one_sentence(self):
        half = lambda self: {"trainable": {"w": self.trained.half().weight}}
        for name, method, pattern in (
            ("describe", lambda self: {}, "no Description"),
            ("more", half, "is torch.float16; float32 is wanted"),
            ("more", lambda self: {"trainable": {"w": torch.nn.Parameter(torch.ones(2))}}, "none of the"),
            ("more", lambda self: {"trainable": {}}, "nothing is trained"),
            ("more", lambda self: {"trainable": {"a": self.trained.bias, "b": self.trained.bias}}, "two"),
            ("more", lambda self: {"latent": [0]}, "failed with TypeError"),
            ("velocities", lambda self, x, *_: x[:3], r"returned \[3, 2\]"),
            ("velocities", lambda self, x, *_: None, "returned NoneType"),
            ("velocities", lambda self, x, *_: x * torch.nan, "not finite"),
            ("decode", lambda self, x: x, "decode must return"),
            ("decode", lambda self, x: torch.zeros(len(x), 3, 5, 5), "pictures returned uint8"),
            ("decode", lambda self, x: torch.full((len(x), 3, 4, 4), torch.nan), "not finite"),
        ):
            class Wrong(Small):
                pass
            setattr(Wrong, name, method)
            with self.subTest(name=name, pattern=pattern), self.assertRaisesRegex(Answered, pattern):
                with ready(Wrong()) as asker:
                    prompt, sigma, x, _ = rows(asker, [0, 0])
                    if name == "decode":
                        asker.ask("pictures", into=("u8", [2, 4, 4, 3]), tensors={"x": x})
                    asker.velocities(prompt, sigma, x)

    def test_pictures_are_decoded(self):
        with ready(Small()) as asker:
            x = np.float32([[0.5, 0.5], [2, 2], [-1, -1]])
            pictures = asker.ask("pictures", into=("u8", [3, 4, 4, 3]), tensors={"x": x})
            self.assertEqual(pictures[:, 0, 0, 0].tolist(), [128, 255, 0])


class Shapes(unittest.TestCase):
    """The built-in network."""

    def model(self, task="shapes"):
        return BuiltIn.of(task, str(RESOURCES / f"{task}.safetensors"))

    def test_slopes_are_finite_differences(self):
        for task, prompts in (("shapes", ("a red circle", "two squares", "")),
                              ("density", ("north", "southwest", ""))):
            with self.subTest(task=task), ready_for(self.model(task), prompts) as asker:
                given = rows(asker, [0] * 9 + [1] * 2 + [2] * 5)
                for guidance in (1.0, 2.0):
                    gradient = asker.pullback(*given, guidance=guidance)
                    error = slope_error(asker, asker.theta, gradient, *given, guidance=guidance)
                    self.assertLess(error, 0.02)

    def test_rows_do_not_depend_on_their_neighbours(self):
        for task, prompts in (("shapes", ("a red circle", "two squares", "")),
                              ("density", ("north", "southwest", ""))):
            with self.subTest(task=task), ready_for(self.model(task), prompts) as asker:
                check_rows(self, asker, [1.0, 3.0])

    def test_kept_graphs_have_the_same_bits(self):
        with ready_for(self.model(), ("a red circle",)) as asker:
            prompt, sigma, x, slopes = rows(asker, [0] * 21)
            v = asker.velocities(prompt, sigma, x)
            anew = asker.pullback(prompt, sigma, x, slopes)
            self.assertEqual(asker.velocities(prompt, sigma, x, keep=True).tobytes(), v.tobytes())
            self.assertEqual(
                asker.pullback(prompt, sigma, x, slopes, kept=asker.call).tobytes(), anew.tobytes())

    def test_theta_has_the_built_in_order(self):
        with ready_for(self.model(), ()) as asker:
            names = [p["name"] for p in asker.contract["parameters"]]
            self.assertEqual(names[:7], [
                "latent_in.0.weight", "latent_in.0.bias", "latent_in.1.weight", "latent_in.1.bias",
                "latent_position", "words", "word_position"])
            self.assertEqual(asker.contract["parameters"][0]["shape"], [10, 64])
            self.assertEqual((asker.count, asker.latent), (248_202, 50))

    def test_words_are_those_of_the_task(self):
        words = TASKS["shapes"].words
        self.assertEqual(words("A photo of a red circle and a blue square"), (7, 1, 15, 9, 2))
        self.assertEqual(words("a circle left of a square"), (1, 16, 2))
        self.assertEqual(words("four triangles"), (14, 6))
        self.assertEqual(words(""), (0,))
        for text, pattern in (("a dog", "'dog' is no word"), ("red " * 6, "at most 5"),
                              ("<none>", "no word")):
            with self.assertRaisesRegex(tributary.Refusal, pattern):
                words(text)

    def test_a_network_without_a_base_begins_at_zero_velocity(self):
        with ready_for(BuiltIn.of("density", width=16, depth=1, heads=2), ("north",)) as asker:
            prompt, sigma, x, _ = rows(asker, [0, 0])
            self.assertEqual(np.abs(asker.velocities(prompt, sigma, x)).max(), 0)
            self.assertFalse(np.array_equal(asker.initial(2), asker.theta))

    def test_a_wrong_base_is_one_sentence(self):
        shapes = str(RESOURCES / "shapes.safetensors")
        for task, base, sizes, pattern in (
            ("density", shapes, {}, "which is not dit latent 1x2"),
            ("shapes", shapes, {"width": 32}, "which is not"),
            ("shapes", "/nowhere", {}, "cannot be read: No such file"),
            ("shapes", __file__, {}, "no safetensors file"),
            ("shapes", None, {"width": 30}, "cannot be cut into 4 heads"),
            ("shapes", None, {"depth": 0}, "1 or more"),
        ):
            with self.assertRaisesRegex(tributary.Refusal, pattern):
                BuiltIn.of(task, base, **sizes)


@contextlib.contextmanager
def ready_for(model, prompts):
    with served(model) as asker, contextlib.redirect_stderr(io.StringIO()):
        asker.hello()
        asker.theta = asker.initial()
        asker.parameters(asker.theta)
        asker.prompts(*prompts)
        yield asker


def check_rows(test, asker, guidances, count=29):
    """Rows alone, in twos and in any company have the bits that they have among all."""
    prompt, sigma, x, _ = rows(asker, np.repeat([0, 1, 2], count)[:2 * count + 5])
    for guidance in guidances:
        together = asker.velocities(prompt, sigma, x, guidance=guidance)
        mixed = np.random.default_rng(1).permutation(len(x))
        for part in (slice(0, 1), slice(1, 3), slice(2, 5), slice(3, 10), slice(5, 40), slice(62, 63),
                     mixed, mixed[:11]):
            alone = asker.velocities(prompt[part], sigma[part], x[part], guidance=guidance)
            test.assertEqual(alone.tobytes(), together[part].tobytes(), (guidance, part))


class AsTorch(unittest.TestCase):
    def test_the_network_with_torchs_own_layers_is_the_same(self):
        torch.manual_seed(1)
        sizes = Architecture(tokens=3, channels=2, words=7, longest=4, width=32, depth=2, heads=2)
        network = DiT(sizes)
        for parameter in network.parameters():
            parameter.data = 0.2 * torch.randn_like(parameter)
        x, sigma = torch.randn(5, 3, 2), torch.rand(5)
        prompts = [(1, 2), (1, 2), (3,), (4, 5, 6, 1), (0,)]
        with torch.no_grad():
            expected = network(x, sigma, prompts)
            found = as_torch(network)(x, sigma, prompts)
        self.assertLess(float((found - expected).abs().max()), 1e-5)
        kinds = {type(part) for name, part in network.named_modules() if name.endswith("qkv")}
        self.assertEqual(kinds, {torch.nn.Linear})


if __name__ == "__main__":
    unittest.main()
