"""SD3 and FLUX with a LoRA; skipped where diffusers, peft or torch is missing."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

try:
    import diffusers
    import torch
    import transformers

    import tributary.diffusers
except ImportError as missing:
    raise unittest.SkipTest(f"models of diffusers are not tested: {missing}") from None

import tributary
from tests.asking import rows, served, slope_error
from tests.test_torch import check_rows
from tributary.diffusers import model_of


@contextlib.contextmanager
def ready(*arguments):
    """An asker of a model whose slot 1 has an adapter that does something."""
    with served(model_of(arguments)) as asker, contextlib.redirect_stderr(io.StringIO()):
        asker.hello()
        asker.base = asker.initial(3)
        asker.parameters(asker.base)
        noise = np.random.default_rng(0).standard_normal(asker.count)
        asker.theta = (asker.base + 0.05 * noise).astype(np.float32)
        asker.applied = asker.parameters(asker.theta, slot=1)
        asker.prompts("a cat", "two dogs", "")
        asker.on_theta = lambda *given, **named: asker.velocities(*given, slot=1, **named)
        yield asker


class Tiny(unittest.TestCase):
    def test_it_answers_as_the_page_says(self):
        for kind in ("sd3", "flux"):
            with self.subTest(kind=kind), ready("--tiny", kind, "--rank", "4") as asker:
                self.assertTrue(asker.applied)
                names = [p["name"] for p in asker.contract["parameters"]]
                self.assertIn("transformer.transformer_blocks.0.attn.to_q.lora_A.weight", names)
                self.assertTrue(all("lora_" in name for name in names))
                prompt, sigma, x, slopes = given = rows(asker, [0] * 9 + [1] * 4)
                # B is zero at first; later the adapter is applied.
                v = asker.velocities(prompt, sigma, x)
                moved = asker.on_theta(prompt, sigma, x)
                self.assertGreater(np.abs(v - moved).max(), 1e-3)
                anew = asker.pullback(*given, slot=1)
                kept = asker.on_theta(prompt, sigma, x, keep=True)
                self.assertEqual(kept.tobytes(), moved.tobytes())
                self.assertEqual(
                    asker.pullback(*given, slot=1, kept=asker.call).tobytes(), anew.tobytes())
                error = slope_error(asker, asker.theta, anew, *given, step=0.03, directions=3)
                self.assertLess(error, 0.02)
                pictures = asker.ask(
                    "pictures", into=("u8", [13, *asker.contract["picture"], 3]), tensors={"x": x})
                self.assertGreater(pictures.std(), 1)

    def test_rows_do_not_depend_on_their_neighbours(self):
        for kind in ("sd3", "flux"):
            with self.subTest(kind=kind), ready("--tiny", kind) as asker:
                asker.parameters(asker.theta)
                check_rows(self, asker, [1.0, 4.0])

    def test_an_adapter_of_zeros_is_the_base(self):
        with ready("--tiny", "sd3", "--rank", "4") as asker:
            self.assertEqual(np.abs(asker.base).max() > 0, True)
            prompt, sigma, x, _ = rows(asker, [0, 1])
            fresh = asker.velocities(prompt, sigma, x)
            asker.parameters(np.zeros(asker.count))
            self.assertEqual(asker.velocities(prompt, sigma, x).tobytes(), fresh.tobytes())

    def test_a_lora_that_is_other_has_another_base(self):
        digests = set()
        for more in ([], ["--alpha", "2"], ["--seed", "1"], ["--targets", "to_q"]):
            with ready("--tiny", "sd3", *more) as asker:
                digests.add(asker.contract["base"])
        self.assertEqual(len(digests), 4)


class Folder(unittest.TestCase):
    """A pipeline that diffusers has saved."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        with contextlib.redirect_stderr(io.StringIO()):
            pipeline().save_pretrained(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_text_encoders_and_vae_are_used(self):
        with ready("--folder", str(self.folder)) as asker:
            self.assertEqual(asker.contract["latent"], [4, 8, 8])
            self.assertEqual(asker.contract["picture"], [16, 16])
            given = rows(asker, [0, 1, 2])
            whole = asker.on_theta(*given[:3], guidance=3.0), asker.contract["base"]
            pictures = asker.ask("pictures", into=("u8", [3, 16, 16, 3]), tensors={"x": given[2]})
            expected = self.decoded(given[2].reshape(3, 4, 8, 8))
            self.assertLessEqual(np.abs(pictures.astype(int) - expected).max(), 1)
        with ready("--folder", str(self.folder / "transformer")) as asker:
            self.assertEqual(asker.contract["picture"], [16, 16])
            alone = asker.on_theta(*given[:3], guidance=3.0), asker.contract["base"]
        self.assertNotEqual(whole[1], alone[1])
        self.assertGreater(np.abs(whole[0] - alone[0]).max(), 1e-3)

    def decoded(self, x):
        vae = diffusers.AutoencoderKL.from_pretrained(self.folder / "vae")
        with torch.no_grad():
            decoded = vae.decode(torch.from_numpy(x) / 1.5 + 0.06).sample / 2 + 0.5
        return (255 * decoded.clamp(0, 1)).round().permute(0, 2, 3, 1).numpy()

    def test_a_folder_of_something_else_is_one_sentence(self):
        for folder, pattern in ((self.folder / "vae", "neither of SD3 nor of FLUX"),
                                (self.folder / "nothing", "no transformer")):
            with self.assertRaisesRegex(tributary.Refusal, pattern):
                model_of(["--folder", str(folder)])


def pipeline():
    """A whole SD3 pipeline, small and at random."""
    torch.manual_seed(0)
    letters = [chr(code) for code in range(97, 123)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}))
        merges.write_text("#version: 0.2\n")
        tokenizer = transformers.CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)
    sizes = transformers.CLIPTextConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, projection_dim=16,
        num_hidden_layers=2, num_attention_heads=2, bos_token_id=0, eos_token_id=1)
    encoders = [transformers.CLIPTextModelWithProjection(sizes) for _ in range(2)]
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, out_channels=4, num_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32,
        caption_projection_dim=32, pooled_projection_dim=32, pos_embed_max_size=8)
    vae = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4,
        scaling_factor=1.5, shift_factor=0.06)
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer, scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), vae=vae,
        text_encoder=encoders[0], tokenizer=tokenizer, text_encoder_2=encoders[1],
        tokenizer_2=tokenizer, text_encoder_3=None, tokenizer_3=None)


if __name__ == "__main__":
    unittest.main()
