"""Generation with vLLM, in this process.

It runs eagerly, which makes its output repeatable, unless a spec gives that up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.finite import no_numbers
from dataenvgym_spec.gym.students.backends.lora import largest_rank
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.students.backends.quiet import kept_back
from dataenvgym_spec.gym.students.backends.serving import Serving, fits
from dataenvgym_spec.gym.students.codec import Codec

# vLLM reads these when it is imported: one process, no network, a small cache, and no answer out of
# scores that are no numbers, unless the user says otherwise.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_RAISE_ON_LOGIT_NANS", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
QUIET: Final = ("ERROR", "CRITICAL", "FATAL")
"""Levels of vLLM's log at which nobody asked to see how it starts."""
NO_NUMBERS: Final = "NaNs detected in logits"
"""What it says of such scores (vllm/v1/worker/utils.py)."""


def _terminal() -> AbstractContextManager[None]:
    """Keeps back progress bars and messages of libraries, unless the user wants vLLM's log."""
    level = os.environ["VLLM_LOGGING_LEVEL"].upper()
    return kept_back() if level in QUIET else nullcontext()


with _terminal():
    import torch
    from transformers import GenerationConfig
    from vllm import LLM, SamplingParams, TokensPrompt
    from vllm.lora.request import LoRARequest

Tokens = list[int]


class VllmBackend:
    """A student loaded by vLLM, with a LoRA adapter if it has one."""

    def __init__(self, *, settings: GenerationSettings, model: Path, adapter: Path | None) -> None:
        self.settings = settings
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.codec = Codec(model, max_new_tokens=settings.max_new_tokens)
        self.request: LoRARequest | None = None
        options = Serving.of(os.environ).options()
        if adapter is not None:
            self.request = LoRARequest("student", 1, str(adapter))
            options |= {"enable_lora": True, "max_lora_rank": largest_rank(adapter)}
        self.engine = self._engine(model, options)

    def generate(
        self, prompts: Sequence[Prompt | str], seeds: Sequence[int] = ()
    ) -> list[Completion]:
        """Completes prompts, in their order."""
        encoded = [self.codec.encode(prompt) for prompt in prompts]
        drawn: Sequence[int | None] = seeds or [None] * len(prompts)
        asked, inputs, decoding, needed = [], [], [], 0
        for index, tokens in enumerate(encoded):
            room = self.codec.room(tokens)
            if not room:  # vLLM refuses a prompt with nothing to generate
                continue
            asked.append(index)
            inputs.append(TokensPrompt(prompt_token_ids=tokens))
            decoding.append(self._decoding(room, drawn[index]))
            needed = max(needed, len(tokens) + room)
        fits(needed, self.engine.model_config.max_model_len)
        try:
            outputs = self.engine.generate(
                inputs, decoding, lora_request=self.request, use_tqdm=False
            )
        except RuntimeError as error:
            if NO_NUMBERS not in str(error):
                raise
            raise no_numbers(self.settings.dtype) from error
        generated: dict[int, Sequence[int]] = {}
        for index, output in zip(asked, outputs, strict=True):
            generated[index] = output.outputs[0].token_ids
        return [
            self.codec.completion(tokens, generated.get(index, ()))
            for index, tokens in enumerate(encoded)
        ]

    def _engine(self, model: Path, options: dict[str, Any]) -> LLM:
        # vLLM reads generation settings from a folder; these are empty in place of the model's.
        with TemporaryDirectory() as neutral, _terminal():
            GenerationConfig().save_pretrained(neutral)
            return LLM(
                model=str(model),
                trust_remote_code=False,
                generation_config=neutral,
                dtype=self.settings.dtype,
                enforce_eager=self.settings.repeatable,
                disable_log_stats=True,
                max_num_seqs=self.settings.batch_size,
                **options,
            )

    def _decoding(self, room: int, seed: int | None) -> SamplingParams:
        return SamplingParams(
            temperature=self.settings.temperature,
            top_p=self.settings.top_p,
            seed=seed,
            max_tokens=room,
            stop_token_ids=sorted(self.codec.ends),
            # The codec reads the tokens as it does those of every backend.
            detokenize=False,
        )
