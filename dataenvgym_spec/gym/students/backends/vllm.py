"""Greedy generation with vLLM, in this process and eagerly, which makes its output repeatable."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# vLLM reads these when it is imported: one process, no network, and a small cache unless the user
# says otherwise.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

import torch
from transformers import AutoTokenizer
from vllm import LLM, SamplingParams, TokensPrompt
from vllm.lora.request import LoRARequest

from dataenvgym_spec.gym.students.backends.lora import largest_rank
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings


class VllmBackend:
    """A student loaded by vLLM, with a LoRA adapter if it has one."""

    def __init__(self, *, settings: GenerationSettings, model: Path, adapter: Path | None) -> None:
        self.settings = settings
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.request: LoRARequest | None = None
        lora: dict[str, Any] = {}
        if adapter is not None:
            self.request = LoRARequest("student", 1, str(adapter))
            lora = {"enable_lora": True, "max_lora_rank": largest_rank(adapter)}
        self.engine = LLM(
            model=str(model),
            dtype=settings.dtype,
            enforce_eager=True,
            disable_log_stats=True,
            max_num_seqs=settings.batch_size,
            **lora,
        )

    def generate(self, prompts: Sequence[str]) -> list[Completion]:
        """Completes prompts greedily, in their order."""
        inputs = []
        for prompt in prompts:
            # As the other backends tokenize it: vLLM could add tokens of its own to a text.
            tokens = self.tokenizer(prompt).input_ids
            inputs.append(TokensPrompt(prompt_token_ids=tokens))
        sampling = SamplingParams(temperature=0, max_tokens=self.settings.max_new_tokens)
        outputs = self.engine.generate(inputs, sampling, lora_request=self.request, use_tqdm=False)
        return [_completion(output) for output in outputs]


def _completion(output: Any) -> Completion:
    (answer,) = output.outputs
    return Completion(
        text=answer.text,
        tokens=len(answer.token_ids),
        prompt_tokens=len(output.prompt_token_ids or ()),
        truncated=answer.finish_reason == "length",
    )
