"""A small model that is made on the spot and has learned nothing."""

from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from dataenvgym_spec.gym import ModelTools


class Abacus:
    """Reads digits, '+' and '='."""

    def __init__(self, *, width: int) -> None:
        self.width = width

    def prepare(self, out: Path, tools: ModelTools) -> dict[str, Any]:
        """Writes the student to a folder."""
        signs = ["<pad>", "<end>", *"0123456789+= "]
        words = models.WordLevel({sign: number for number, sign in enumerate(signs)}, unk_token=" ")
        tokenizer = Tokenizer(words)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>"
        )
        set_seed(0)
        config = LlamaConfig(
            vocab_size=len(signs), hidden_size=self.width, intermediate_size=2 * self.width,
            num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, bos_token_id=None,
            pad_token_id=0, eos_token_id=1, max_position_embeddings=64, tie_word_embeddings=True,
        )  # fmt: skip
        model = LlamaForCausalLM(config)
        model.save_pretrained(out)
        fast.save_pretrained(out)
        tools.say("  an abacus was made")
        return {"parameters": int(model.num_parameters())}
