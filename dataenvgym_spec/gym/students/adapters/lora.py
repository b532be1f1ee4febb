"""LoRA: low-rank matrices on all linear layers, by peft."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, get_peft_model

from dataenvgym_spec.gym.students.adapters.stored import saved_alike


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
        return saved_alike(get_peft_model(model, self.config))
