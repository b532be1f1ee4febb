"""What vLLM must know of a LoRA adapter before it loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from peft import LoraConfig, PeftConfig

from dataenvgym_spec.core.errors import StageError

RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for the largest rank (vllm/config/lora.py)."""


def largest_rank(adapter: Path) -> int:
    """The smallest of `RANKS` that holds the adapter in a folder.

    Raises:
        StageError: see `rank_for`.
    """
    return rank_for(PeftConfig.from_pretrained(str(adapter)))


def rank_for(config: PeftConfig) -> int:
    """The smallest of `RANKS` that holds an adapter.

    Raises:
        StageError: it is an adapter of another kind, of DoRA, or of a rank beyond all of them.
    """
    if not isinstance(config, LoraConfig):
        kind = str(getattr(config.peft_type, "value", config.peft_type))
        raise StageError(
            f"vLLM loads LoRA adapters only, and this one is {kind}",
            help="name another backend, or another adapter",
        )
    if config.use_dora:
        message = "vLLM loads LoRA adapters without DoRA, and this one has it"
        raise StageError(message, help="name the backend transformers, or the adapter lora")
    for rank in RANKS:
        if config.r <= rank:
            return rank
    raise StageError(
        f"vLLM loads adapters up to rank {RANKS[-1]}, and this one has {config.r}",
        help="name another backend, or lower the rank",
    )
