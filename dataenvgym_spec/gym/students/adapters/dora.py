"""DoRA: LoRA for the direction of weights, and a magnitude for each row of them, by peft."""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.gym.students.adapters.lora import Lora


class Dora(Lora):
    """LoRA with weights decomposed into magnitude and direction (arXiv 2402.09353)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, use_dora=True)
