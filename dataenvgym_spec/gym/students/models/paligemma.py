"""A small PaliGemma from a configuration, untaught, with a tokenizer of the words of a source."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any, Final

from transformers import (
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    set_seed,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.models.protocol import ModelTools, Pretraining
from dataenvgym_spec.gym.tasks.drawing import wanted

LEAST_FREE: Final = 0.05
"""The part of the hash space that splits leave at least (see `compile/rules/shares.py`)."""
PAD, END, BEGIN, UNKNOWN, IMAGE = "<pad>", "<eos>", "<bos>", "<unk>", "<image>"
WORD: Final = r"[0-9]|[^\W\d]+|[^\w\s]|\n"
"""A digit, a word, a sign or a line break: what is one token."""


class Paligemma:
    """Builds an untaught vision-language student.

    Args of the constructor are the options of its definition; `vocabulary["source"]` is a source.
    """

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        hidden_size: int,
        intermediate_size: int,
        heads: int,
        vision_layers: int,
        layers: int,
        initializer_range: float,
        vocabulary: dict[str, Any],
    ) -> None:
        self.image, self.patch, self.words = image_size, patch_size, vocabulary
        self.shared = {
            "hidden_size": hidden_size,
            "intermediate_size": intermediate_size,
            "num_attention_heads": heads,
        }
        self.layers, self.vision_layers, self.spread = layers, vision_layers, initializer_range

    def prepare(self, out: Path, tools: ModelTools) -> dict[str, Any]:
        """Builds the student; it has learned nothing but its words."""
        assert tools.pretraining is not None
        disable_progress_bar()
        with tools.phase("examples"):
            texts = self._texts(tools.pretraining)
        with tools.phase("build"):
            parameters = self.build(texts, tools.pretraining.seed, out)
        tools.say(f"  {parameters / 1e6:.2f} million parameters, of {len(texts)} texts the words")
        return {"parameters": parameters}

    def _texts(self, pretraining: Pretraining) -> list[str]:
        """Questions and answers that no split owns."""
        source, count = self.words["source"], self.words["examples"]
        texts = []
        for group in source.groups():
            stream = source.stream(group, seed_from("words", pretraining.seed, group))
            for item in islice(wanted(stream, pretraining.free, LEAST_FREE), count):
                texts.append(f"{pretraining.prompt(item)} {item.target}")
        if not texts:
            message = "the source gives no question that no split may draw"
            raise StageError(message, help="lower the shares of the splits, or widen the source")
        return texts

    def build(self, texts: list[str], seed: int, out: Path) -> int:
        """Writes processor and untaught model; returns the number of parameters."""
        processor = processor_of(tokenizer_of(texts), self.image, self.patch)
        tokenizer = processor.tokenizer
        set_seed(seed)
        special = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in NAMES}
        width = self.shared["hidden_size"]
        config = PaliGemmaConfig(
            vision_config={
                "model_type": "siglip_vision_model",
                "num_hidden_layers": self.vision_layers,
                "image_size": self.image,
                "patch_size": self.patch,
                "vision_use_head": False,
                **self.shared,
            },
            text_config={
                "model_type": "gemma",
                "num_hidden_layers": self.layers,
                "num_key_value_heads": self.shared["num_attention_heads"],
                "head_dim": width // self.shared["num_attention_heads"],
                "vocab_size": len(tokenizer),
                "initializer_range": self.spread,
                **special,
                **self.shared,
            },
            image_token_index=processor.image_token_id,
            projection_dim=width,
            hidden_size=width,
            vocab_size=len(tokenizer),
            **special,
        )
        model = PaliGemmaForConditionalGeneration(config)
        model.save_pretrained(out)
        processor.save_pretrained(out)
        return int(model.num_parameters())


NAMES: Final = ("pad", "bos", "eos")


def processor_of(tokenizer: Any, image: int, patch: int) -> PaliGemmaProcessor:
    """A processor of images of that width and height, in patches of that size, in pixels."""
    images = SiglipImageProcessorPil(
        size={"height": image, "width": image},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    images.image_seq_length = (image // patch) ** 2
    return PaliGemmaProcessor(image_processor=images, tokenizer=tokenizer)


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are words, each with the blank before it."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    found = {word for text in texts for word in re.findall(WORD, text)}
    known = [PAD, END, BEGIN, UNKNOWN, *sorted({*found, *"0123456789", "\n"})]
    vocabulary = {word: number for number, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Replace(Regex(" +"), " ")
    split = pre_tokenizers.Split(Regex(WORD), behavior="isolated")
    blanks = pre_tokenizers.Split(" ", behavior="removed")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([blanks, split])
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        bos_token=BEGIN,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    )
