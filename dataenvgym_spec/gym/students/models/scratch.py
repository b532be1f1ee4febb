"""A small Llama from a configuration, with a tokenizer trained on the spot; pretrained by the executor `student`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers import decoders as token_decoders
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from transformers.utils.logging import disable_progress_bar

PAD, END = "<pad>", "<end>"


class Scratch:
    """Builds an untrained student."""

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
        self.vocabulary, self.pretrain = vocabulary, pretrain
        self.sizes = {
            **sizes,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "max_position_embeddings": max_positions,
            "rope_parameters": {"rope_type": "default", "rope_theta": rope_theta},
        }

    def build(self, texts: list[str], seed: int, out: Path) -> int:
        """Writes tokenizer and model; returns the number of parameters."""
        disable_progress_bar()
        tokenizer = train_tokenizer(texts, self.vocabulary)
        set_seed(seed)
        pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
        config = LlamaConfig(
            **self.sizes,
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            pad_token_id=pad,
            eos_token_id=end,
            bos_token_id=None,
        )
        model = LlamaForCausalLM(config)
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return int(model.num_parameters())


def train_tokenizer(texts: list[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer whose digits are always one token each."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = token_decoders.ByteLevel()
    # Every printable ASCII character, so that no prompt is out of vocabulary because the corpus happened not to show it.
    alphabet = [*map(chr, range(33, 127)), "Ġ", "Ċ", "Ã", "Ĺ"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, clean_up_tokenization_spaces=False
    )
