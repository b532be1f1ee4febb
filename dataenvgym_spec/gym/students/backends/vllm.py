"""Greedy generation with vLLM, in this process and eagerly, which makes its output repeatable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# vLLM reads these when it is imported: one process, no network, and a small cache unless the user says otherwise.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

import torch
from transformers import AutoTokenizer
from vllm import LLM, SamplingParams, TokensPrompt
from vllm.lora.request import LoRARequest

from dataenvgym_spec.gym.students.backends.table import Completion

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for the largest rank (vllm/config/lora.py)."""


class VllmBackend:
    """A student loaded by vLLM, with a LoRA adapter if it has one."""

    def __init__(self, options: dict[str, Any], *, model: Path, adapter: Path | None) -> None:
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.request = LoRARequest("student", 1, str(adapter)) if adapter else None
        lora = (
            {
                "enable_lora": True,
                "max_lora_rank": next(rank for rank in RANKS if rank >= _rank(adapter)),
            }
            if adapter
            else {}
        )
        self.engine = LLM(
            model=str(model),
            dtype=options["dtype"],
            enforce_eager=True,
            disable_log_stats=True,
            max_num_seqs=options["batch_size"],
            **lora,
        )

    def generate(self, prompts: list[str]) -> list[Completion]:
        """Answers prompts greedily, in their order."""
        inputs = [
            TokensPrompt(prompt_token_ids=self.tokenizer(prompt).input_ids) for prompt in prompts
        ]
        sampling = SamplingParams(temperature=0, max_tokens=self.options["max_new_tokens"])
        outputs = self.engine.generate(inputs, sampling, lora_request=self.request, use_tqdm=False)
        found = []
        for output in outputs:
            (answer,) = output.outputs
            found.append(
                Completion(
                    text=answer.text,
                    tokens=len(answer.token_ids),
                    prompt_tokens=len(output.prompt_token_ids or ()),
                    truncated=answer.finish_reason == "length",
                )
            )
        return found


def _rank(adapter: Path) -> int:
    from peft import LoraConfig

    return int(LoraConfig.from_pretrained(str(adapter)).r)
