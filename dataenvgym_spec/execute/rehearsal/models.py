"""What each tiny model is made from: a folder here, the hub, the table, or nothing but a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from dataenvgym_spec.core.chat_template import read_template
from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.execute.rehearsal.hub import HubAccess, config_in
from dataenvgym_spec.execute.rehearsal.known import formats, known_models
from dataenvgym_spec.execute.rehearsal.stand_ins import WantedModel
from dataenvgym_spec.execute.rehearsal.students import TOKENIZER, Blueprint

Origin = Literal["files", "table", "unknown"]
"""What a model's configuration is taken from: its own files, the shipped table, a guess."""
GUESS: Final[dict[str, Any]] = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 512,
    "max_position_embeddings": 8192,
}
"""What stands in for a model of which nothing is known."""


SEEING: Final[dict[str, Any]] = {
    "model_type": "idefics3",
    "scale_factor": 2,
    "image_token_id": 0,
    "pad_token_id": 0,
    "do_image_splitting": False,
    "text_config": GUESS,
    "vision_config": {"image_size": 224, "patch_size": 14},
}
"""What stands in for a model that sees and whose processor cannot be made here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of a model.

    Attributes:
        wanted: the model.
        origin: where its configuration comes from.
        blueprint: what a tiny one is made from.
        lacking: the package without which it cannot be made here, so that another one stands in.
    """

    wanted: WantedModel
    origin: Origin
    blueprint: Blueprint
    lacking: str | None = None

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of the real model."""
        return self.blueprint.config

    @property
    def built(self) -> Blueprint:
        """What is really made."""
        if self.lacking is None:
            return self.blueprint
        return Blueprint(config=SEEING, tokenizer=None, format=formats()["smolvlm"])

    def without(self, package: str) -> Found:
        """The same where a package is missing."""
        return replace(self, lacking=package)

    def untested(self) -> Iterator[str]:
        """What the tiny one cannot show."""
        name = self.wanted.name
        if self.lacking is not None:
            yield (
                f"the model '{name}': its processor needs {self.lacking}, which is not installed "
                "here; a tiny Idefics3 with a tokenizer and a chat template of its own stood in, "
                "to which an image is 64 tokens"
            )
            return
        if self.origin == "unknown":
            yield f"the model '{name}': its configuration is not here, a tiny Llama stood in for it"
        if self.blueprint.tokenizer is None:
            yield f"the tokenizer of '{name}': a made-up one counted {TOKENS_ARE}"
            if self.blueprint.format is not None:
                yield f"the chat template of '{name}': one of the same form stood in for it"


TOKENS_ARE: Final = "tokens, about four letters each"


def find_model(wanted: WantedModel, root: Path, hub: HubAccess, *, chat: bool) -> Found:
    """What can be had of a model.

    Args:
        wanted: the model.
        root: the repository.
        hub: the hub, as far as it is reached.
        chat: whether a spec asks it in conversations, for a model of which nothing is known.
    """
    folder = None
    if wanted.directory:
        folder = Contents(root).place(wanted.directory)
    elif wanted.revision:
        folder = hub.folder(wanted.name, wanted.revision)
    if folder is not None:
        found = _in_folder(wanted, folder)
        if found is not None:
            return found
    known = known_models().get(wanted.name)
    if known is not None:
        named = formats()[known.format] if known.format else None
        blueprint = Blueprint(config=known.config, tokenizer=None, format=named)
        return Found(wanted=wanted, origin="table", blueprint=blueprint)
    named = formats()["chatml"] if chat else None
    blueprint = Blueprint(config=GUESS, tokenizer=None, format=named)
    return Found(wanted=wanted, origin="unknown", blueprint=blueprint)


def _in_folder(wanted: WantedModel, folder: Path) -> Found | None:
    """A model whose files are here; None if its configuration cannot be read."""
    try:
        config = config_in(folder)
    except (OSError, ValueError):
        return None
    whole = any(any(folder.glob(pattern)) for pattern in TOKENIZER)
    # A model without a tokenizer of its own may still have a template beside it.
    named = None if whole or read_template(folder) is None else formats()["chatml"]
    blueprint = Blueprint(config=config, tokenizer=folder if whole else None, format=named)
    return Found(wanted=wanted, origin="files", blueprint=blueprint)
