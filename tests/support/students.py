"""Small students made on the spot, with what models of others bring along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "layers": 2,
    "heads": 2,
    "max_positions": 64,
    "initializer_range": 0.06,
    "rope_theta": 1000.0,
}
SETTINGS: dict[str, Any] = {
    "do_sample": True, "temperature": 0.6, "top_k": 3, "top_p": 0.8, "min_p": 0.2,
    "repetition_penalty": 5.0, "no_repeat_ngram_size": 1, "length_penalty": 2.0,
    "min_length": 40, "min_new_tokens": 5, "max_length": 3, "max_new_tokens": 2,
    "num_beams": 3, "num_return_sequences": 2, "early_stopping": True,
    "bad_words_ids": [[20], [21], [22]], "suppress_tokens": [17, 18, 19],
    "begin_suppress_tokens": [23, 24, 25], "guidance_scale": 3.0,
    "forced_bos_token_id": 30, "forced_eos_token_id": 1, "stop_strings": ["1"],
    "exponential_decay_length_penalty": [1, 1.5], "renormalize_logits": True,
    "use_cache": False, "output_scores": True, "return_dict_in_generate": True,
    "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
"""Generation settings such as models have them, and more of them at once than any has."""

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A chat template as many models have it."""
SHORT = CHATML.replace("message.role", "message.role[0]").replace("assistant", "a")
"""The same with roles of one letter, for a student with few positions."""


def untrained(out: Path, *, seed: int = 0, **sizes: Any) -> Path:
    """A small untrained student in a folder."""
    from dataenvgym_spec.gym.students.models.scratch import ScratchModel

    texts = [f"{number} + {number} ={number}" for number in range(50)]
    ScratchModel(**{**SIZES, **sizes}, vocabulary=120, pretrain={}).build(texts, seed, out)
    return out


def conversational(out: Path, *, template: str = CHATML, **sizes: Any) -> Path:
    """A small untrained student with a chat template and the tokens that it needs."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    untrained(out, **{"max_positions": 256, **sizes})
    tokenizer = AutoTokenizer.from_pretrained(out)
    special = ["<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.chat_template = template
    model = AutoModelForCausalLM.from_pretrained(out)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


def with_settings(student: Path, out: Path, **settings: Any) -> Path:
    """A copy of a student with other generation settings."""
    shutil.copytree(student, out)
    (out / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return out


def with_config(student: Path, out: Path, **config: Any) -> Path:
    """A copy of a student with more in its configuration, and no generation settings."""
    shutil.copytree(student, out)
    path = out / "config.json"
    whole = {**json.loads(path.read_text(encoding="utf-8")), **config}
    path.write_text(json.dumps(whole), encoding="utf-8")
    (out / "generation_config.json").unlink(missing_ok=True)
    return out
