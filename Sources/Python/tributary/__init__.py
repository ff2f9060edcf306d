"""Models as programs: train a flow-matching model of your own with Tributary.

`tributary.Model` is for models in numpy, `tributary.torch.Model` for models in PyTorch.
"""

from .contract import Contract, Prompt, default_class, digest_of
from .failures import Refusal, Retry
from .model import Model
from .server import serve

__all__ = ["Contract", "Model", "Prompt", "Refusal", "Retry", "default_class", "digest_of", "serve"]
