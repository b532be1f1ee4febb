"""The file between an executor and the trainer: prompts with the completions to learn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item


def write_examples(path: Path, items: Iterable[Item], prompt: Prompt) -> int:
    """Writes one `{prompt, completion}` per item; returns how many."""
    rows = [{"prompt": prompt.render(item), "completion": item.target} for item in items]
    write_rows(path, rows)
    return len(rows)
