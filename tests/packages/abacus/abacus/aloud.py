"""Says one sign after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from dataenvgym_spec.gym import Completion, GenerationSettings


class Aloud:
    """Generates greedily, without a cache and one prompt at a time."""

    device = "aloud"

    def __init__(self, *, settings: GenerationSettings, model: Path, adapter: Path | None) -> None:
        self.settings = settings
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        loaded: Any = AutoModelForCausalLM.from_pretrained(model)
        self.model = loaded if adapter is None else PeftModel.from_pretrained(loaded, adapter)

    def generate(self, prompts: Sequence[str]) -> list[Completion]:
        """Completes prompts, in their order."""
        return [self._complete(prompt) for prompt in prompts]

    def _complete(self, prompt: str) -> Completion:
        ids = self.tokenizer(prompt).input_ids
        said: list[int] = []
        while len(said) < self.settings.max_new_tokens:
            with torch.inference_mode():
                scores = self.model(input_ids=torch.tensor([ids + said])).logits[0, -1]
            said.append(int(scores.argmax()))
            if said[-1] == self.tokenizer.eos_token_id:
                break
        ended = said[-1] == self.tokenizer.eos_token_id
        text = self.tokenizer.decode(said[:-1] if ended else said)
        return Completion(text=text, tokens=len(said), prompt_tokens=len(ids), truncated=not ended)
