"""LoRA: low-rank matrices on all linear layers, by peft."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, get_peft_model


class Lora:
    """Adds low-rank matrices to the linear layers, the output layer left out."""

    def __init__(self, *, r: int, alpha: int, dropout: float) -> None:
        self.config = LoraConfig(
            r=r,
            lora_alpha=alpha,
            lora_dropout=dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )

    def adapt(self, model: Any) -> Any:
        """The model with a fresh adapter on it."""
        adapted = get_peft_model(model, self.config)
        # peft keeps their names in a set, and would save them in another order each time.
        for config in adapted.peft_config.values():
            config.target_modules = sorted(config.target_modules)
            # Where the base lies on this machine is no part of a result.
            config.base_model_name_or_path = ""
        return adapted
