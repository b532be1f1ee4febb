"""What a model's folder says about chat: its template, and whether that can switch thinking.

The template is Jinja, and is looked at without being rendered.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

SWITCHES: Final = ("enable_thinking", "thinking")
"""The names under which templates are told whether a model thinks before it answers."""
TOOLS: Final = "tools"
"""The name under which templates are handed what an answer may call."""
LARGEST: Final = 4_000_000
"""Bytes of a file that is looked into."""
_GENERATION: Final = re.compile(r"\{%-?\s*(end)?generation\s*-?%\}")
"""A tag of transformers, which marks what the model wrote and renders nothing."""


def read_template(folder: Path) -> str | None:
    """The chat template in a model's folder; None if it has none.

    It is a file of its own, or a setting of the tokenizer: one template, or several by name.
    """
    text = _read(folder / "chat_template.jinja")
    if text is not None:
        return text
    try:
        settings = msgspec.json.decode(_read(folder / "tokenizer_config.json") or "{}")
    except (msgspec.DecodeError, RecursionError):
        return None
    found = settings.get("chat_template") if isinstance(settings, dict) else None
    if isinstance(found, list):
        found = next((part.get("template") for part in found if _is_default(part)), None)
    return found if isinstance(found, str) else None


def switches(template: str) -> frozenset[str]:
    """The names of `SWITCHES` that a template takes from outside.

    >>> sorted(switches("{% if enable_thinking %}<think>{% endif %}{{ message.thinking }}"))
    ['enable_thinking']
    """
    return _names(template).intersection(SWITCHES)


def takes(template: str, name: str) -> bool:
    """Whether a template uses something that it is handed under a name."""
    return name in _names(template)


def _names(template: str) -> frozenset[str]:
    from jinja2 import Environment, TemplateError, nodes

    environment = Environment(extensions=["jinja2.ext.loopcontrols"])
    try:
        tree = environment.parse(_GENERATION.sub("", template))
    except (TemplateError, RecursionError):
        return frozenset()
    return frozenset(name.name for name in tree.find_all(nodes.Name))


def _read(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_default(part: Any) -> bool:
    return isinstance(part, dict) and part.get("name") == "default"
