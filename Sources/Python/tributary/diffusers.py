"""The transformers of Stable Diffusion 3 and FLUX from diffusers, with a LoRA of peft as θ.

    python3 -m tributary.diffusers --folder FOLDER --rank 16
    python3 -m tributary.diffusers --tiny sd3 --rank 8

A folder is one that diffusers has saved: a pipeline with its text encoders and its VAE, or a
transformer alone. What is not there is replaced: text encoders by normals from a hash of the prompt,
the VAE by a picture of the first three channels. `--tiny` makes a small network at random.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import numpy as np
import peft
import torch
from safetensors.torch import save_file

import tributary
import tributary.torch
from tributary.embeddings import hashed

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
TEXT_TOKENS = 8
TINY_SIDE = 16


class Adapted(tributary.torch.Model):
    """A frozen transformer and its LoRA: W + (alpha/rank)·B A for every target's W.

    A subclass says how its transformer is made small, how it is called, and what `encode` keeps.
    """

    rows = 16
    name = ""
    transformer_class: Any = None
    pipeline_class: Any = None

    def __init__(self, folder: Optional[Path] = None, rank: int = 8, alpha: Optional[float] = None,
                 targets: Sequence[str] = TARGETS, side: Optional[int] = None, device: str = "cpu",
                 dtype: str = "float32", seed: int = 0):
        self.folder, self.rank, self.alpha = folder, rank, float(rank if alpha is None else alpha)
        self.targets, self.side, self.seed = sorted(targets), side, seed
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)

    def describe(self) -> tributary.torch.Description:
        self.pipeline = self.vae = None
        if self.folder is None:
            torch.manual_seed(self.seed)
            self.transformer = self.tiny()
            if self.dtype != torch.float32:
                self.transformer.to(self.dtype)
        else:
            self.read_folder()
        self.add_adapter()
        modules = {"transformer": self.transformer, **self.frozen_parts()}
        for module in modules.values():
            module.to(self.device)
        side = self.latent_side()
        scale = 2 if self.vae is None else 2 ** (len(self.vae.config.block_out_channels) - 1)
        return tributary.torch.Description(
            name=f"{self.name}-{'tiny' if self.folder is None else 'lora'}", version="1",
            latent=(self.channels(), side, side), modules=modules,
            adapter={"rank": self.rank, "alpha": self.alpha, "targets": self.targets},
            base=tributary.digest_of(self.tokenizer_files()), picture=(scale * side, scale * side),
            max_rows=256, prompts=1024, **self.guided())

    # The transformer and its adapter.

    def read_folder(self) -> None:
        """Transformer, VAE and text encoders, as far as the folder has them."""
        diffusers.utils.logging.disable_progress_bar()
        whole = (self.folder / "model_index.json").exists()
        place = self.folder / "transformer" if whole else self.folder
        read: Dict[str, Any] = {"local_files_only": True}
        if self.dtype != torch.float32:
            read["torch_dtype"] = self.dtype
        self.transformer = self.transformer_class.from_pretrained(place, **read)
        if (self.folder / "vae/config.json").exists():
            self.vae = diffusers.AutoencoderKL.from_pretrained(self.folder / "vae", **read)
        if whole and (self.folder / "text_encoder/config.json").exists():
            parts = set(inspect.signature(self.pipeline_class.__init__).parameters) - {"self"}
            without = {part: None for part in parts if not (self.folder / part).is_dir()}
            without.update(transformer=self.transformer, vae=None)
            self.pipeline = self.pipeline_class.from_pretrained(self.folder, **read, **without)

    def add_adapter(self) -> None:
        self.transformer.requires_grad_(False)
        self.transformer.add_adapter(peft.LoraConfig(
            r=self.rank, lora_alpha=self.alpha, target_modules=self.targets, lora_dropout=0.0))
        for name, parameter in self.transformer.named_parameters():
            if ".lora_" in name:
                parameter.data = parameter.data.float()

    def public_name(self, name: str) -> str:
        """The name under which diffusers and peft save it."""
        return name.replace(".default.", ".")

    def initial(self, seed: int) -> Mapping[str, np.ndarray]:
        """A uniform within ±1/√inputs, from the seed; B zero, so that the base is what it begins with."""
        theta = {}
        for index, (name, start) in enumerate(super().initial(seed).items()):
            if ".lora_A." in name:
                bound = (start.size // start.shape[0]) ** -0.5
                draw = np.random.Generator(np.random.Philox(key=[seed, index]))
                theta[name] = (bound * draw.uniform(-1, 1, start.shape)).astype(np.float32)
        return theta

    def save(self, folder: str) -> None:
        """As peft itself saves it: `PeftModel.from_pretrained(transformer, folder)` reads it."""
        state = peft.utils.get_peft_model_state_dict(self.transformer)
        save_file({f"base_model.model.{name}": part.contiguous().cpu() for name, part in state.items()},
                  os.path.join(folder, "adapter_model.safetensors"))
        config = self.transformer.peft_config["default"]
        config.base_model_name_or_path = "" if self.folder is None else str(self.folder)
        config.save_pretrained(folder)

    # What is frozen beside it.

    def frozen_parts(self) -> Dict[str, torch.nn.Module]:
        parts = {} if self.vae is None else {"vae": self.vae}
        for name, part in ({} if self.pipeline is None else self.pipeline.components).items():
            if isinstance(part, torch.nn.Module) and part is not self.transformer:
                parts[name] = part
        for part in parts.values():
            part.requires_grad_(False)
            if part.dtype != self.dtype:
                part.to(self.dtype)
        return parts

    def tokenizer_files(self):
        """Names and bytes of the tokenizers, which no module holds."""
        if self.pipeline is not None:
            for path in sorted(self.folder.glob("tokenizer*/*")):
                if path.is_file():
                    yield str(path.relative_to(self.folder))
                    yield path.read_bytes()

    def text_embeddings(self, text: str) -> Tuple[torch.Tensor, torch.Tensor]:
        """[tokens, width] and pooled [width] of one text."""
        if self.pipeline is not None:
            return self.read_text(text)
        config = self.transformer.config
        sides = ((TEXT_TOKENS, config.joint_attention_dim), (config.pooled_projection_dim,))
        made = (hashed(text, shape, purpose) for shape, purpose in zip(sides, ("tokens", "pooled")))
        return tuple(torch.from_numpy(part).to(self.device, self.dtype) for part in made)

    def decode(self, x: torch.Tensor) -> torch.Tensor:
        if self.vae is None:
            shown = torch.sigmoid(x[:, [0, 1 % x.shape[1], 2 % x.shape[1]]])
            return torch.nn.functional.interpolate(shown, scale_factor=2, mode="nearest")
        config = self.vae.config
        latents = x.to(self.dtype) / config.scaling_factor + (config.shift_factor or 0)
        return self.vae.decode(latents, return_dict=False)[0] / 2 + 0.5

    # What a subclass says.

    def tiny(self) -> torch.nn.Module:
        raise NotImplementedError

    def channels(self) -> int:
        raise NotImplementedError

    def latent_side(self) -> int:
        raise NotImplementedError

    def guided(self) -> Dict[str, Any]:
        raise NotImplementedError

    def read_text(self, text: str) -> Tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError


class SD3(Adapted):
    """Guidance is linear; the other evaluation has the prompt's negative text."""

    name = "sd3"
    transformer_class = diffusers.SD3Transformer2DModel
    pipeline_class = diffusers.StableDiffusion3Pipeline

    def tiny(self):
        return diffusers.SD3Transformer2DModel(
            sample_size=TINY_SIDE, patch_size=2, in_channels=4, out_channels=4, num_layers=2,
            attention_head_dim=16, num_attention_heads=4, joint_attention_dim=32,
            caption_projection_dim=64, pooled_projection_dim=32, pos_embed_max_size=TINY_SIDE)

    def channels(self):
        return self.transformer.config.in_channels

    def latent_side(self):
        return self.side or self.transformer.config.sample_size

    def guided(self):
        return {"guidance": "linear", "evaluations": 2}

    def encode(self, prompts) -> List[Any]:
        return [(self.text_embeddings(p.text), self.text_embeddings(p.negative)) for p in prompts]

    def read_text(self, text):
        tokens, _, pooled, _ = self.pipeline.encode_prompt(
            text, None, None, device=self.device, do_classifier_free_guidance=False)
        return tokens[0], pooled[0]

    def velocities(self, x, sigma, encoded, guidance):
        own, none = ([row[k] for row in encoded] for k in (0, 1))
        return tributary.torch.linear_guidance(self.network, x, sigma, own, none, guidance)

    def network(self, x, sigma, embeddings):
        tokens, pooled = (torch.stack(part) for part in zip(*embeddings))
        return self.transformer(
            x.to(self.dtype), timestep=1000 * sigma, encoder_hidden_states=tokens,
            pooled_projections=pooled, return_dict=False)[0]


class Flux(Adapted):
    """Guidance is a number that the network reads, where it was distilled to; else there is none."""

    name = "flux"
    transformer_class = diffusers.FluxTransformer2DModel
    pipeline_class = diffusers.FluxPipeline

    def tiny(self):
        return diffusers.FluxTransformer2DModel(
            patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=4, joint_attention_dim=32, pooled_projection_dim=32,
            guidance_embeds=True, axes_dims_rope=(4, 6, 6))

    def channels(self):
        return self.transformer.config.in_channels // 4

    def latent_side(self):
        side = self.side or (TINY_SIDE if self.folder is None else 64)
        if side % 2:
            raise tributary.Refusal(f"FLUX takes latents of an even side, not {side}")
        return side

    def guided(self):
        guidance = "own" if self.transformer.config.guidance_embeds else "none"
        return {"guidance": guidance, "evaluations": 1}

    def encode(self, prompts) -> List[Any]:
        return [self.text_embeddings(prompt.text) for prompt in prompts]

    def read_text(self, text):
        tokens, pooled, _ = self.pipeline.encode_prompt(text, None, device=self.device)
        return tokens[0], pooled[0]

    def velocities(self, x, sigma, encoded, guidance):
        count, channels, height, width = x.shape
        tokens, pooled = (torch.stack(part) for part in zip(*encoded))
        # Four neighbours make a token.
        patches = x.reshape(count, channels, height // 2, 2, width // 2, 2)
        patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, 4 * channels)
        places = torch.cartesian_prod(torch.arange(height // 2), torch.arange(width // 2))
        places = torch.nn.functional.pad(places, (1, 0)).to(x.device, self.dtype)
        scale = None
        if self.transformer.config.guidance_embeds:
            scale = torch.full((count,), guidance, device=x.device)
        v = self.transformer(
            patches.to(self.dtype), timestep=sigma.to(self.dtype), guidance=scale,
            encoder_hidden_states=tokens, pooled_projections=pooled, img_ids=places,
            txt_ids=torch.zeros(tokens.shape[1], 3, device=x.device, dtype=self.dtype),
            return_dict=False)[0]
        v = v.reshape(count, height // 2, width // 2, channels, 2, 2)
        return v.permute(0, 3, 1, 4, 2, 5).reshape(x.shape)


MODELS = {"sd3": SD3, "flux": Flux}


def kind_of(folder: Path) -> str:
    """Which of the models a folder holds."""
    for place in (folder / "transformer/config.json", folder / "config.json"):
        try:
            found = json.loads(place.read_text()).get("_class_name")
        except (OSError, ValueError, AttributeError):
            continue
        for kind, model in MODELS.items():
            if found == model.transformer_class.__name__:
                return kind
        raise tributary.Refusal(f"{place} is of a {found}, which is neither of SD3 nor of FLUX")
    raise tributary.Refusal(f"{folder} holds no transformer that diffusers has saved")


def model_of(arguments: Sequence[str]) -> Adapted:
    parser = argparse.ArgumentParser(prog="python3 -m tributary.diffusers",
                                     description="SD3 and FLUX with a LoRA, for Tributary")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", type=Path, help="what diffusers has saved")
    source.add_argument("--tiny", choices=MODELS, help="a small network at random")
    parser.add_argument("--rank", type=int, default=8, metavar="N")
    parser.add_argument("--alpha", type=float, metavar="X", help="the rank if it is not given")
    parser.add_argument("--targets", default=",".join(TARGETS), metavar="A,B", help="layers that get a LoRA")
    parser.add_argument("--side", type=int, metavar="N", help="of the latent, if not the network's own")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the small network's weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--rows", type=int, default=Adapted.rows, metavar="N",
                        help="calls are padded to a multiple of so many rows")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    options = parser.parse_args(arguments)
    for name in ("rank", "rows", "threads", "side"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    kind = options.tiny or kind_of(options.folder)
    model = MODELS[kind](
        options.folder, options.rank, options.alpha, options.targets.split(","), options.side,
        options.device, options.dtype, options.seed)
    model.rows, model.threads = options.rows, options.threads
    return model


def main() -> None:
    try:
        model = model_of(sys.argv[1:])
    except tributary.Refusal as refusal:
        sys.exit(str(refusal))
    tributary.serve(model)


if __name__ == "__main__":
    main()
