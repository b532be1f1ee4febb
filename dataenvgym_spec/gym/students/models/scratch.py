"""A small Llama from a configuration, pretrained on the problems of a source.

Its tokenizer, which is trained on the same examples, is in `tokenizer`.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Final

from transformers import LlamaConfig, LlamaForCausalLM, set_seed
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.models.protocol import ModelTools, Pretraining
from dataenvgym_spec.gym.students.models.tokenizer import train_tokenizer
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.gym.tasks.drawing import wanted
from dataenvgym_spec.records.items import Item

LEAST_FREE: Final = 0.05
"""The part of the hash space that splits leave at least (see `compile/rules/shares.py`)."""


class ScratchModel:
    """Builds an untrained student and pretrains it.

    Args of the constructor are the options of its definition; `pretrain["source"]` is a source.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        pretrain: dict[str, Any],
        rope_theta: float,
        heads: int,
        layers: int,
        max_positions: int,
        **sizes: Any,
    ) -> None:
        self.vocabulary, self.recipe = vocabulary, pretrain
        # The names that transformers has for them.
        self.sizes = {
            **sizes,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "max_position_embeddings": max_positions,
            "rope_parameters": {"rope_type": "default", "rope_theta": rope_theta},
        }

    def prepare(self, out: Path, tools: ModelTools) -> dict[str, Any]:
        """Builds a model and pretrains it."""
        assert tools.pretraining is not None
        pretraining, blank = tools.pretraining, tools.work / "blank"
        with tools.phase("examples"):
            examples = self.examples(pretraining)
            texts = [pretraining.prompt(item) + item.target for item in examples]
        with tools.phase("build"):
            parameters = self.build(texts, pretraining.seed, blank)
        millions = parameters / 1e6
        tools.say(f"  {millions:.2f} million parameters, {len(examples)} examples to pretrain on")
        pretraining.train(blank, examples, self.settings())
        return {"parameters": parameters}

    def examples(self, pretraining: Pretraining) -> list[Item]:
        """What it learns from: items that no split owns, group by group."""
        source = self.recipe["source"]
        drawn: list[Item] = []
        for group, count in sorted(self.recipe["examples"].items()):
            stream = source.stream(group, seed_from("pretrain", pretraining.seed, group))
            # Problems may repeat: a small family is learned by seeing it often.
            free = list(islice(wanted(stream, pretraining.free, LEAST_FREE), count))
            if len(free) < count:
                message = (
                    f"group '{group}' gives only {len(free)} problems that no split may draw, "
                    f"but 'pretrain' asks for {count}"
                )
                help = f"ask for at most {len(free)}, lower the shares of the splits, or widen it"
                raise StageError(message, help=help)
            drawn += free
        return drawn

    def settings(self) -> TrainingSettings:
        """How it is pretrained: the recipe, and what no recipe says."""
        recipe = self.recipe
        return TrainingSettings.parse(
            {
                "length": recipe["length"],
                "learning_rate": recipe["learning_rate"],
                "batch_size": recipe["batch_size"],
                "warmup_ratio": recipe["warmup_ratio"],
                "weight_decay": recipe["weight_decay"],
                "schedule": "cosine",
                "max_grad_norm": 1.0,
                "max_length": 1024,
                "dtype": "float32",
            }
        )

    def build(self, texts: list[str], seed: int, out: Path) -> int:
        """Writes tokenizer and untrained model; returns the number of parameters."""
        disable_progress_bar()
        tokenizer = train_tokenizer(texts, self.vocabulary)
        # After the tokenizer, so that the weights do not depend on what it draws.
        set_seed(seed)
        config = LlamaConfig(
            **self.sizes,
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
        model = LlamaForCausalLM(config)
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return int(model.num_parameters())
