"""Paints with a text-to-image pipeline of diffusers; where it lies, the kinds say.

Weights are read from safetensors alone, and code that a pipeline brings is never run.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from

ASKED: Final = "prompt"
"""What a pipeline is handed descriptions by."""
FLAGGED: Final = "nsfw_content_detected"
"""In which some pipelines say which images they have blackened."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a pipeline paints; the options that the painters of this module have in common."""

    dtype: str
    batch_size: int
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    variant: str | None = None

    def call(self) -> dict[str, Any]:
        """As pipelines take them; what is left out is the pipeline's own."""
        given = {
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "width": self.width,
            "height": self.height,
        }
        return {name: value for name, value in given.items() if value is not None}


class Painting(ABC):
    """Paints with a pipeline, which is loaded when it is asked first.

    Attributes:
        device: where it runs, once it does.
    """

    def __init__(self, **options: Any) -> None:
        self.settings = msgspec.convert(options, Settings)
        self.device: str | None = None
        self._pipeline: Any = None

    @abstractmethod
    def source(self) -> tuple[str, dict[str, Any]]:
        """What is loaded, and how, as `DiffusionPipeline.from_pretrained` takes them."""

    def paint(self, descriptions: Sequence[str], seed: int) -> list[bytes | None]:
        """Images, each from noise of its own; None of what the pipeline itself held back.

        Raises:
            StageError: the pipeline cannot be had, or makes no images of texts.
        """
        if self._pipeline is None:
            self._pipeline = self._loaded()
        images: list[bytes | None] = []
        size = self.settings.batch_size
        for start in range(0, len(descriptions), size):
            images += self._some(descriptions[start : start + size], seed)
        return images

    def _some(self, descriptions: Sequence[str], seed: int) -> list[bytes | None]:
        import torch

        # Noise that is drawn on the CPU is the same on every device and in every batch.
        noise = []
        for description in descriptions:
            number = seed_from("diffusers", seed, description) & 0x7FFFFFFFFFFFFFFF
            noise.append(torch.Generator("cpu").manual_seed(number))
        asked = {ASKED: list(descriptions), "generator": noise, "output_type": "pil"}
        try:
            made = self._pipeline(**asked, **self.settings.call())
        except (TypeError, ValueError) as error:
            message = f"the pipeline {self.source()[0]!r} does not paint so: {error}"
            help = "correct the options of the painter, or name a text-to-image pipeline"
            raise StageError(message, help=help) from error
        flags = getattr(made, FLAGGED, None) or [False] * len(descriptions)
        pairs = zip(made.images, flags, strict=True)
        return [None if flagged else _file(image) for image, flagged in pairs]

    def _loaded(self) -> Any:
        import torch
        from diffusers import DiffusionPipeline
        from diffusers.utils import logging

        from dataenvgym_spec.gym.students.threads import settle

        logging.disable_progress_bar()
        name, options = self.source()
        dtype = getattr(torch, self.settings.dtype)
        try:
            pipeline = DiffusionPipeline.from_pretrained(
                name,
                **options,
                dtype=dtype,
                variant=self.settings.variant,
                use_safetensors=True,
                trust_remote_code=False,
            )
        except (OSError, ValueError, AttributeError) as error:
            message = f"the pipeline {name!r} cannot be loaded: {error}"
            help = "name one with weights in safetensors, and without code of its own"
            raise StageError(message, help=help) from error
        if not _reads_texts(pipeline):
            message = f"the pipeline {name!r} is a {type(pipeline).__name__}, "
            message += "which makes no images of texts alone"
            raise StageError(message, help="name a text-to-image pipeline")
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        pipeline.set_progress_bar_config(disable=True)
        if self.device == "cpu":
            largest = max(_modules(pipeline), key=_size, default=None)
            if largest is not None:
                settle(largest)
        return pipeline.to(self.device)


def _reads_texts(pipeline: Any) -> bool:
    """Whether a pipeline asks for a text, and for nothing else that has no default."""
    parameters = inspect.signature(pipeline.__call__).parameters
    needed = []
    for name, one in parameters.items():
        ended = one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        if one.default is one.empty and not ended:
            needed.append(name)
    return ASKED in parameters and "generator" in parameters and set(needed) <= {ASKED}


def _modules(pipeline: Any) -> list[Any]:
    """The networks of a pipeline."""
    return [part for part in pipeline.components.values() if hasattr(part, "parameters")]


def _size(module: Any) -> int:
    return sum(part.numel() for part in module.parameters())


def _file(image: Any) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
