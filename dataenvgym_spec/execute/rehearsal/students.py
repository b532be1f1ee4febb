"""Tiny models: of the architecture that a configuration describes, with a tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.execute.rehearsal import eyes
from dataenvgym_spec.execute.rehearsal.known import Format
from dataenvgym_spec.gym.students.pretrained import SPECIAL

WIDTH, HEADS, PAIRS, HEAD = 64, 4, 2, 16
SMALL: Final[dict[str, int]] = {
    "num_hidden_layers": 2,
    "depth": 2,
    "hidden_size": WIDTH,
    "embed_dim": WIDTH,
    "intermediate_size": 128,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
    "num_local_experts": 4,
    "num_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "query_pre_attn_scalar": HEAD,
    "num_heads": HEADS,
}
"""What every configuration has at most, where it has it at all."""
SECTIONS: Final = (2, 3, 3)
"""How a head's rotations are divided among time, height and width, where they are."""
LISTS: Final = ("layer_types", "mlp_layer_types")
"""What a configuration says of each layer."""
VOCABULARY: Final = 512
TOKENIZER: Final = ("*tokenizer*", "*.model", "vocab*", "merges.txt", "special_tokens_map.json")
TEMPLATE: Final = ("chat_template*",)
PLACEHOLDERS: Final = ("quantization_config", "auto_map", "transformers_version", "architectures")
"""What of a configuration holds for the real weights alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What a tiny model is made from.

    Attributes:
        config: of the real model, as in `config.json`.
        tokenizer: the folder with the real tokenizer; None where one is made up.
        format: how conversations are written, where the tokenizer is made up; None for not at all.
    """

    config: dict[str, Any]
    tokenizer: Path | None
    format: Format | None


class NotTiny(Exception):
    """No tiny model can be made of an architecture; says why."""


class NotInstalled(Exception):
    """No tiny model can be made without a package; says which."""


class Shelf:
    """The tiny models that one process has made, each once.

    Of two that differ in what a made-up tokenizer was trained on, one stands in for both: it spells
    out what it does not know.
    """

    def __init__(self) -> None:
        self._made: dict[str, Path] = {}

    def build(self, blueprint: Blueprint, out: Path, texts: Sequence[str]) -> None:
        """Writes a tiny model, or a copy of it; see `build`.

        Raises:
            NotTiny, NotInstalled: as `build`.
        """
        form = None if blueprint.format is None else blueprint.format.template
        identity = canonical([blueprint.config, str(blueprint.tokenizer), form])
        earlier = self._made.get(identity)
        if earlier is not None and earlier.is_dir():
            shutil.copytree(earlier, out)
            return
        build(blueprint, out, texts)
        self._made[identity] = out


def build(blueprint: Blueprint, out: Path, texts: Sequence[str]) -> None:
    """Writes a tiny model with its tokenizer, in the transformers format.

    Args:
        blueprint: what it is made from.
        out: its folder.
        texts: what a tokenizer is trained on that is made up.

    Raises:
        NotTiny: transformers does not know the architecture, or no model of it can be made that
            writes text.
        NotInstalled: its processor needs a package that is not here.
    """
    config = real_config(blueprint.config)
    package = eyes.lacking(blueprint.config)
    if package is not None:
        raise NotInstalled(package)

    # Most of the time goes into this import, which an unknown architecture does not need.
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, set_seed
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    out.mkdir(parents=True)
    tokenizer = _tokenizer(blueprint, out, texts)
    try:
        kind: Any = AutoModelForCausalLM
        processor = None
        if eyes.sees(config, blueprint.tokenizer):
            kind = AutoModelForImageTextToText
            processor = eyes.processor(config, tokenizer, blueprint.tokenizer, out)
        for part in eyes.parts(config):
            _shrink(part, len(tokenizer))
        if processor is not None:
            eyes.join(config, processor, WIDTH)
        for part in (config, config.get_text_config(decoder=True)):
            for name in SPECIAL:
                setattr(part, name, getattr(tokenizer, name))
        set_seed(0)
        model = kind.from_config(config)
        with _quiet():
            model.save_pretrained(out)
    except (ValueError, TypeError, AttributeError, RuntimeError, UserError) as error:
        kind = blueprint.config.get("model_type")
        raise NotTiny(f"no tiny '{kind}' can be made: {str(error).splitlines()[0]}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Has transformers not warn of what a configuration is by default, which it compares with."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def real_config(content: dict[str, Any]) -> Any:
    """The configuration of the real model, as transformers reads it.

    Raises:
        NotTiny: it does not know the architecture.
    """
    from transformers import AutoConfig

    kept = {key: value for key, value in content.items() if key not in PLACEHOLDERS}
    kind = kept.pop("model_type", None)
    try:
        return AutoConfig.for_model(kind, **kept)
    except (ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0][:200]
        raise NotTiny(f"transformers does not know the architecture '{kind}': {reason}") from error


def _shrink(config: Any, vocabulary: int) -> None:
    """Makes a configuration tiny, in place."""
    layers = getattr(config, "num_hidden_layers", None)
    pairs = getattr(config, "num_key_value_heads", None)
    heads = getattr(config, "num_attention_heads", None)
    for name, most in SMALL.items():
        value = getattr(config, name, None)
        if isinstance(value, int) and not isinstance(value, bool):
            setattr(config, name, min(value, most))
    if getattr(config, "vocab_size", None) is not None:
        config.vocab_size = max(vocabulary, 8)
    _divide(config)
    if heads is None:
        return  # it only holds others
    config.num_attention_heads = HEADS
    if pairs is not None:
        # Of as many pairs as heads there are as many again; of one there is one.
        config.num_key_value_heads = HEADS if pairs == heads else min(pairs, PAIRS)
    if getattr(config, "head_dim", None) is not None:
        config.head_dim = HEAD
    for name in LISTS:
        listed = getattr(config, name, None)
        if isinstance(listed, list | tuple) and len(listed) == layers:
            # The last layers may be of another kind than the first.
            setattr(config, name, [listed[0], listed[-1]][: config.num_hidden_layers])


def _divide(config: Any) -> None:
    """Fits what a configuration says of single layers and rotations, in place."""
    if getattr(config, "fullatt_block_indexes", None):
        config.fullatt_block_indexes = [config.depth - 1]
    rotations = getattr(config, "rope_parameters", None) or {}
    if "mrope_section" in rotations:
        rotations["mrope_section"] = list(SECTIONS)


def _tokenizer(blueprint: Blueprint, out: Path, texts: Sequence[str]) -> Any:
    from dataenvgym_spec.gym.students.models.tokenizer import train_tokenizer
    from dataenvgym_spec.gym.students.pretrained import read_tokenizer

    if blueprint.tokenizer is not None:
        for pattern in (*TOKENIZER, *TEMPLATE):
            for path in blueprint.tokenizer.glob(pattern):
                shutil.copyfile(path, out / path.name)
        # Some tokenizers are recognised by the configuration of their model.
        kind = {"model_type": blueprint.config.get("model_type")}
        (out / "config.json").write_text(json.dumps(kind), encoding="utf-8")
        tokenizer = read_tokenizer(out)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer
    tokenizer = train_tokenizer(texts, VOCABULARY)
    if blueprint.format is not None:
        tokens = list(blueprint.format.tokens)
        tokenizer.add_special_tokens({"additional_special_tokens": tokens})
        tokenizer.chat_template = blueprint.format.template
    tokenizer.save_pretrained(out)
    return tokenizer
