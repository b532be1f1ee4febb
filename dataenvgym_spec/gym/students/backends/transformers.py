"""Greedy generation with transformers, in batches of prompts of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.students.threads import settle

Tokens = list[int]


class TransformersBackend:
    """A student loaded by transformers, with a peft adapter if it has one."""

    def __init__(self, *, settings: GenerationSettings, model: Path, adapter: Path | None) -> None:
        disable_progress_bar()
        self.settings = settings
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        # Padded on the left, every prompt of a batch ends where its completion begins.
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        loaded = _loaded(model, adapter, getattr(torch, settings.dtype))
        settle(loaded)
        self.model = loaded.to(self.device).eval()
        self.ends = self._ends()

    def generate(self, prompts: Sequence[str]) -> list[Completion]:
        """Completes prompts greedily, in their order."""
        encoded = [self.tokenizer(prompt).input_ids for prompt in prompts]
        lengths = [len(tokens) for tokens in encoded]
        # Prompts of similar length share a batch: what is padding is computed in vain.
        order = sorted(range(len(prompts)), key=lengths.__getitem__)
        completions: dict[int, Completion] = {}
        size = self.settings.batch_size
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            generated = self._batch([encoded[index] for index in batch])
            for index, tokens in zip(batch, generated, strict=True):
                completions[index] = self._completion(lengths[index], tokens)
        return [completions[index] for index in range(len(prompts))]

    def _batch(self, encoded: list[Tokens]) -> list[Tokens]:
        padded = self.tokenizer.pad({"input_ids": encoded}, return_tensors="pt")
        inputs = padded.to(self.device)
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                do_sample=False,
                max_new_tokens=self.settings.max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        longest = inputs["input_ids"].shape[1]
        rows: list[Tokens] = out[:, longest:].tolist()
        return rows

    def _completion(self, prompt_tokens: int, tokens: Tokens) -> Completion:
        ends = [index for index, token in enumerate(tokens) if token in self.ends]
        # What follows the first end token is padding.
        end = min(ends, default=None)
        text = self.tokenizer.decode(tokens[:end], skip_special_tokens=True)
        return Completion(
            text=text,
            tokens=len(tokens) if end is None else end + 1,
            prompt_tokens=prompt_tokens,
            truncated=end is None,
        )

    def _ends(self) -> frozenset[int]:
        """The tokens that end a completion: the model's, or else the tokenizer's."""
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.tokenizer.eos_token_id
        return frozenset(ends if isinstance(ends, list) else [ends])


def _loaded(model: Path, adapter: Path | None, dtype: torch.dtype) -> Any:
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    if adapter is None:
        return loaded
    from peft import PeftModel

    return PeftModel.from_pretrained(loaded, adapter)
