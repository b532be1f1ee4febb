"""QLoRA: LoRA on a base whose frozen weights are held in four bits, by peft and bitsandbytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from peft import prepare_model_for_kbit_training
from transformers import BitsAndBytesConfig

from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.pretrained import read_model


class Qlora(Lora):
    """LoRA on a quantized base (arXiv 2305.14314).

    The adapter is one of LoRA: generation loads the base as `generate.dtype` says.
    """

    def __init__(self, *, quant: Literal["nf4", "fp4"], double_quant: bool, **options: Any) -> None:
        super().__init__(**options)
        self.quant, self.double_quant = quant, double_quant

    def read(self, folder: Path, dtype: Any) -> Any:
        """The base in four bits; what is not quantized, such as norms, is float32."""
        quantized = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=self.quant,
            bnb_4bit_use_double_quant=self.double_quant,
            bnb_4bit_compute_dtype=dtype,
        )
        model = read_model(folder, dtype=dtype, quantization_config=quantized)
        return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
