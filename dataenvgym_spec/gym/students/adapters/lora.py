"""A low-rank adapter (peft). The trainer applies it; see `sft.adapted`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """The adapter's options: rank, scale, dropout on its input."""

    r: int
    alpha: int
    dropout: float
