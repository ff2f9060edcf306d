"""The template runs as it is, from a copy; skipped where torch is missing."""

import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

try:
    from tests.test_torch import check_rows
except (ImportError, unittest.SkipTest):
    raise unittest.SkipTest("torch is not installed: the template is not tested") from None

from tests.asking import PACKAGE, rows, slope_error, started

# What `tributary model new` writes.
TEMPLATE = PACKAGE.parent / "Product/Configuration/Template/model.py"


class Template(unittest.TestCase):
    def test_a_copy_is_a_model(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(TEMPLATE, Path(folder, "model.py"))
            with started(copy) as (asker, process):
                asker.hello()
                theta = asker.initial()
                self.assertTrue(asker.parameters(theta))
                asker.prompts("red", "blue", "")
                prompt, sigma, x, slopes = given = rows(asker, [0, 0, 1, 2])
                self.assertEqual(np.abs(asker.velocities(prompt, sigma, x)).max(), 0)
                noise = np.random.default_rng(0).standard_normal(asker.count)
                theta = (theta + 0.03 * noise).astype(np.float32)
                asker.parameters(theta)
                gradient = asker.pullback(*given, guidance=2.0)
                self.assertLess(slope_error(asker, theta, gradient, *given, guidance=2.0), 0.01)
                check_rows(self, asker, [1.0, 2.0])
                pictures = asker.ask("pictures", into=("u8", [4, 8, 8, 3]), tensors={"x": x})
                self.assertGreater(pictures.std(), 1)
                asker.ask("bye")
                self.assertEqual(process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
