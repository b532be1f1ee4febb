"""Embeddings of texts by a model in the transformers format: the mean of its last states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import MissingExtra
from dataenvgym_spec.gym.students.pretrained import read_encoder, read_tokenizer

LONGEST: Final = 256
"""Tokens of a text that are read."""
BATCH: Final = 32


def embedded(folder: Path, texts: Sequence[str]) -> Any:
    """An array with a row of length 1 for each text.

    Raises:
        MissingExtra: the packages that run a model are not installed.
    """
    import numpy as np

    parts = [_batch(folder, texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
    return np.concatenate(parts)


def _batch(folder: Path, texts: Sequence[str]) -> Any:
    import torch

    tokenizer, model, longest = _loaded(folder)
    # Texts without a token, such as an empty one, still need one to be read.
    given = tokenizer(
        list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
    )
    with torch.inference_mode():
        states = model(**given).last_hidden_state
    mask = given["attention_mask"].unsqueeze(-1)
    means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(means, dim=1).double().numpy()


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> tuple[Any, Any, int]:
    """The tokenizer and the model of a directory, and how many tokens it reads.

    Kept, as the copies that items are assigned by share nothing else.

    Raises:
        MissingExtra: the packages that run a model are not installed.
    """
    try:
        tokenizer = read_tokenizer(folder, local_files_only=True)
        model = read_encoder(folder, local_files_only=True, dtype="float32").eval()
    except ImportError as error:
        raise MissingExtra("transformers", "train", "the discovery 'clusters'") from error
    positions = getattr(model.config, "max_position_embeddings", LONGEST)
    return tokenizer, model, min(LONGEST, positions)
