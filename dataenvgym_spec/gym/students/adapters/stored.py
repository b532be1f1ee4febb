"""Adapters as peft stores them, of whatever kind: trained on, and saved to the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import PeftModel


def trained_on(model: Any, folder: Path) -> Any:
    """The model with an adapter of an earlier training on it, whose weights are trained further.

    Args:
        model: the base that the adapter was trained on.
        folder: of the adapter, in peft's format.
    """
    return saved_alike(PeftModel.from_pretrained(model, str(folder), is_trainable=True))


def saved_alike(adapted: Any) -> Any:
    """An adapted model whose configuration is written the same each time, on each machine."""
    for config in adapted.peft_config.values():
        names = getattr(config, "target_modules", None)
        if isinstance(names, set):  # it would be saved in another order each time
            config.target_modules = sorted(names)
        # Where the base lies on this machine is no part of a result.
        config.base_model_name_or_path = ""
    return adapted
