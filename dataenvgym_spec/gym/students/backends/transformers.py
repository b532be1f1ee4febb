"""Greedy generation with transformers, in batches of prompts of similar length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.backends.table import Completion
from dataenvgym_spec.gym.students.threads import settle


class TransformersBackend:
    """A student loaded by transformers, with a peft adapter if it has one."""

    def __init__(self, options: dict[str, Any], *, model: Path, adapter: Path | None) -> None:
        disable_progress_bar()
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, options["dtype"]))
        if adapter is not None:
            from peft import PeftModel

            loaded = PeftModel.from_pretrained(loaded, adapter)
        settle(loaded)
        self.model = loaded.to(self.device).eval()

    def generate(self, prompts: list[str]) -> list[Completion]:
        """Answers prompts greedily, in their order."""
        encoded = [self.tokenizer(prompt).input_ids for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda index: (len(encoded[index]), index))
        found: dict[int, Completion] = {}
        size = self.options["batch_size"]
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            for index, tokens in zip(batch, self._batch([encoded[i] for i in batch]), strict=True):
                found[index] = self._completion(len(encoded[index]), tokens)
        return [found[index] for index in range(len(prompts))]

    def _batch(self, encoded: list[list[int]]) -> list[list[int]]:
        inputs = self.tokenizer.pad({"input_ids": encoded}, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], do_sample=False,
                max_new_tokens=self.options["max_new_tokens"], pad_token_id=self.tokenizer.pad_token_id,
            )  # fmt: skip
        rows: list[list[int]] = out[:, inputs["input_ids"].shape[1] :].tolist()
        return rows

    def _completion(self, prompt_tokens: int, tokens: list[int]) -> Completion:
        ends = self.model.generation_config.eos_token_id
        stops = set(
            ends
            if isinstance(ends, list)
            else [ends if ends is not None else self.tokenizer.eos_token_id]
        )
        end = next((index for index, token in enumerate(tokens) if token in stops), None)
        kept = tokens if end is None else tokens[:end]
        count = len(tokens) if end is None else end + 1
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        return Completion(
            text=text, tokens=count, prompt_tokens=prompt_tokens, truncated=end is None
        )
