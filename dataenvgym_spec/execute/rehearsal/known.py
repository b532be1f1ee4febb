"""What is known of models and chat templates without a hub: `known.json` beside this file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How a model writes conversations.

    Attributes:
        tokens: the special tokens that its template writes.
        template: Jinja, as tokenizers have it.
    """

    tokens: tuple[str, ...]
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A model as its configuration on the hub describes it.

    Attributes:
        config: what of `config.json` decides about architecture and sizes.
        format: how it writes conversations; None for one without a chat template.
    """

    config: dict[str, Any]
    format: str | None


@cache
def known_models() -> dict[str, Known]:
    """The models of the table, by their ids on the hub."""
    rows = _table()["models"]
    return {
        name: Known(config=row["config"], format=row.get("format")) for name, row in rows.items()
    }


@cache
def formats() -> dict[str, Format]:
    """The formats of conversations, by name."""
    rows = _table()["formats"]
    return {
        name: Format(tokens=tuple(row["tokens"]), template=row["template"])
        for name, row in rows.items()
    }


@cache
def _table() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return content
