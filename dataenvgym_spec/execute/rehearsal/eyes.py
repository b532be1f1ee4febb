"""Tiny models that see: their processor, and the parts of their configuration that are shrunk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.execute.rehearsal.processors import MAKERS
from dataenvgym_spec.gym.students.pretrained import (
    PROCESSORS,
    needs_torchvision,
    read_processor,
)

WIDTHS: Final = ("projection_dim", "hidden_size", "out_hidden_size")
"""What a part of a configuration calls the width of the language model, or its own."""
WORDS: Final = {"smolvlm": "num2words"}
"""What the processor of an architecture writes numbers in words with."""
PLACES: Final = ("image_token_index", "image_token_id")
"""What configurations call the token that stands for an image, or a part of one."""


def sees(config: Any, folder: Path | None) -> bool:
    """Whether a model takes images; see `gym.students.pretrained.sees`.

    Args:
        config: of the real model, as transformers has it.
        folder: with its small files; None where they are not here.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    kind = type(config)
    if kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return False
    brings = folder is not None and any((folder / name).is_file() for name in PROCESSORS)
    return brings or kind not in MODEL_FOR_CAUSAL_LM_MAPPING


def processor(config: Any, tokenizer: Any, folder: Path | None, out: Path) -> Any:
    """The processor of a tiny model, in its folder, where the tokenizer is already.

    Args:
        config: of the real model.
        tokenizer: the tiny model's.
        folder: with the real model's small files; None where its processor is made up.
        out: the tiny model's folder.

    Raises:
        ValueError: it is not here, and none can be made up for this architecture.
    """
    brought = [] if folder is None else [folder / name for name in PROCESSORS]
    found = [path for path in brought if path.is_file()]
    for path in found:
        shutil.copyfile(path, out / path.name)
    if found:
        return read_processor(out)
    make = MAKERS.get(config.model_type)
    if make is None:
        raise ValueError("its processor is not here")
    made = make(config, tokenizer)
    made.save_pretrained(out)
    return made


def lacking(config: Mapping[str, Any]) -> str | None:
    """The package without which no processor of a model can be made; None if all are here.

    Args:
        config: the content of the model's `config.json`.
    """
    if needs_torchvision(config) and find_spec("torchvision") is None:
        return "torchvision"
    package = WORDS.get(str(config.get("model_type")))
    return package if package is not None and find_spec(package) is None else None


def parts(config: Any) -> Iterator[Any]:
    """A configuration and those inside of it, such as of the language model and of what sees."""
    yield config
    for name in getattr(config, "sub_configs", {}):
        inner = getattr(config, name, None)
        if inner is not None:
            yield inner


def join(config: Any, processor: Any, width: int) -> None:
    """Makes the parts of a tiny configuration fit each other and a processor, in place."""
    for part in parts(config):
        for name in WIDTHS:
            if getattr(part, name, None) is not None:
                setattr(part, name, width)
    token = getattr(processor, "image_token_id", None)
    for name in PLACES:
        if token is not None and getattr(config, name, None) is not None:
            setattr(config, name, token)
