"""How large a model is, by the files that hold its weights. None of them is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Final

BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of a number, by the precision's name."""
INDEX: Final = "*.safetensors.index.json"
PICKLED: Final = "pytorch_model*.bin"


def parameters_in(folder: Path) -> int | None:
    """How many numbers the weights of a model are; None where that cannot be told.

    Of files in safetensors only the headers are read. What an index names are parts of one model;
    other files side by side are the same model in several precisions. A folder without any, such
    as that of a pipeline, is as large as the folders in it are together.

    Args:
        folder: of a model of transformers, or a pipeline of diffusers.
    """
    try:
        own = _in_one(folder)
        if own is not None:
            return own
        inner = [_in_one(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    except (OSError, ValueError, KeyError, TypeError, ImportError):
        return None  # whoever loads it says what is wrong
    return sum(filter(None, inner)) or None


def _in_one(folder: Path) -> int | None:
    """The numbers of the model whose files lie in a folder itself; None if there are none."""
    wholes = [_indexed(path) for path in folder.glob(INDEX)]
    if not wholes:
        wholes = [_numbers(path) for path in folder.glob("*.safetensors")]
    if wholes:
        return max(wholes)
    pickled = sum(path.stat().st_size for path in folder.glob(PICKLED))
    # In which precision they are only loading them tells: 16 bits, to be on the safe side.
    return pickled // BYTES["float16"] or None


def _indexed(index: Path) -> int:
    parts = set(json.loads(index.read_bytes())["weight_map"].values())
    return sum(_numbers(index.with_name(name)) for name in parts)


def _numbers(path: Path) -> int:
    return sum(map(prod, _shapes(path)))


def _shapes(path: Path) -> Iterator[list[int]]:
    """The shapes of what a file in safetensors holds.

    Raises:
        ValueError: it is none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                yield file.get_slice(name).get_shape()
    except SafetensorError as error:
        raise ValueError(f"'{path}' cannot be read: {error}") from error
