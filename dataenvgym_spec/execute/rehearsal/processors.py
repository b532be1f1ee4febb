"""Processors that are made up, by the architecture of their model: what images become.

The image of a prompt is as many tokens as of the real processor, of patches as small as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

PATCH: Final = 2
"""Width and height of a patch, in pixels, where its number does not depend on it."""
TILES: Final = 4
"""Into so many tiles Idefics3 divides the longer side of an image, which it sees whole besides."""
ROWS: Final = 6
"""Rows and columns of tiles that its tokenizer has names for."""
PIXELS: Final = {"min_pixels": 56 * 56, "max_pixels": 12_845_056}
"""What images of Qwen-VL are enlarged to at least, and reduced to at most."""
PLACES: Final = {
    "<|vision_start|>": "vision_start_token_id",
    "<|vision_end|>": "vision_end_token_id",
    "<|video_pad|>": "video_token_id",
}
"""Tokens of Qwen-VL, with what its configuration calls them."""

Make = Callable[[Any, Any], Any]


def _paligemma(config: Any, tokenizer: Any) -> Any:
    from dataenvgym_spec.gym.students.models.paligemma import processor_of

    seen = config.vision_config
    # It writes the token before a prompt.
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    return processor_of(tokenizer, seen.image_size, seen.patch_size)


def _idefics3(config: Any, tokenizer: Any) -> Any:
    from transformers import Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    images, tokens = _tiled(config, tokenizer, Idefics3ImageProcessorPil)
    return Idefics3Processor(images, tokenizer, image_seq_len=tokens, **_chat(tokenizer))


def _smolvlm(config: Any, tokenizer: Any) -> Any:
    from transformers import SmolVLMImageProcessor, SmolVLMProcessor, SmolVLMVideoProcessor

    images, tokens = _tiled(config, tokenizer, SmolVLMImageProcessor)
    videos = SmolVLMVideoProcessor()
    chat = _chat(tokenizer)
    return SmolVLMProcessor(images, tokenizer, videos, image_seq_len=tokens, **chat)


def _tiled(config: Any, tokenizer: Any, make: Callable[..., Any]) -> tuple[Any, int]:
    """What divides images into tiles, and the tokens that each becomes."""
    seen = config.vision_config
    side = seen.image_size // seen.patch_size // config.scale_factor
    # Of a tile the model puts several patches together; here as many tokens come of one each.
    config.scale_factor, seen.patch_size, seen.image_size = 1, PATCH, side * PATCH
    numbers = range(1, ROWS + 1)
    tiles = [f"<row_{row}_col_{column}>" for row in numbers for column in numbers]
    _special(tokenizer, ("<fake_token_around_image>", "<image>", "<global-img>", *tiles))
    images = make(
        size={"longest_edge": TILES * seen.image_size},
        max_image_size={"longest_edge": seen.image_size},
        do_image_splitting=getattr(config, "do_image_splitting", True),
    )
    return images, side**2


def _qwen(name: str) -> Make:
    """Of a family of Qwen-VL, whose images have as many patches as they have room for."""

    def make(config: Any, tokenizer: Any) -> Any:
        import transformers

        _special(tokenizer, (*PLACES, "<|image_pad|>"))
        for token, place in PLACES.items():
            setattr(config, place, tokenizer.convert_tokens_to_ids(token))
        images = transformers.Qwen2VLImageProcessor(**PIXELS)
        videos = transformers.Qwen2VLVideoProcessor(**PIXELS)
        processor = getattr(transformers, f"{name}Processor")
        return processor(images, tokenizer, videos, **_chat(tokenizer))

    return make


def _special(tokenizer: Any, tokens: Iterable[str]) -> None:
    """Gives a tokenizer special tokens besides those that it has."""
    from transformers import AddedToken

    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])


def _chat(tokenizer: Any) -> dict[str, Any]:
    return {"chat_template": tokenizer.chat_template}


MAKERS: Final[dict[str, Make]] = {
    "paligemma": _paligemma,
    "idefics3": _idefics3,
    "smolvlm": _smolvlm,
    "qwen2_vl": _qwen("Qwen2VL"),
    "qwen2_5_vl": _qwen("Qwen2_5_VL"),
}
"""What makes up a processor, by the architecture of its model.

Args of each are the model's configuration, which it may change, and its tokenizer, to which it adds
tokens.
"""
