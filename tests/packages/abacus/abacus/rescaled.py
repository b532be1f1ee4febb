"""Learned scales of activations (IA3), and nothing like LoRA."""

from typing import Any

from peft import IA3Config, get_peft_model


class Rescaled:
    """Adds learned scales."""

    def adapt(self, model: Any) -> Any:
        """The model with scales on it."""
        config = IA3Config(
            task_type="CAUSAL_LM",
            target_modules=["k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
        )
        return get_peft_model(model, config)
