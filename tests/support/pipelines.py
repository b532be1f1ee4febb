"""Text-to-image pipelines that are made on the spot: the parts of a real one, a few thousand parameters each."""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

LENGTH = 16
WIDTH = 16


def _parts(folder: Path) -> dict[str, Any]:
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    ends = [f"{letter}</w>" for letter in ascii_lowercase]
    tokens = ["<|startoftext|>", "<|endoftext|>", *ascii_lowercase, *ends]
    folder.mkdir(parents=True)
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    merges.write_text("#version: 0.2\n")
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(tokens), hidden_size=WIDTH, intermediate_size=WIDTH, projection_dim=WIDTH, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=LENGTH, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=WIDTH, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 16), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=4, sample_size=16,
    )  # fmt: skip
    return {
        "vae": vae,
        "unet": unet,
        "text_encoder": CLIPTextModel(config),
        "tokenizer": CLIPTokenizer(str(vocabulary), str(merges), model_max_length=LENGTH),
        "scheduler": DDIMScheduler(steps_offset=1, clip_sample=False),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def pipeline(folder: Path) -> Path:
    """The folder of a Stable Diffusion that makes images of 16 x 16 pixels."""
    from diffusers import StableDiffusionPipeline

    StableDiffusionPipeline(**_parts(folder / "made")).save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def editing(folder: Path) -> Path:
    """The folder of one that starts from an image."""
    from diffusers import StableDiffusionImg2ImgPipeline

    StableDiffusionImg2ImgPipeline(**_parts(folder / "made")).save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def untold(folder: Path) -> Path:
    """The folder of one that is told nothing."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
    )  # fmt: skip
    DDPMPipeline(unet=unet, scheduler=DDPMScheduler()).save_pretrained(folder / "pipeline")
    return folder / "pipeline"
