"""The file between an executor and the trainer: prompts with the completions to learn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dataenvgym_spec.gym.prompt import Prompts
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item


def write_examples(path: Path, items: Iterable[Item], prompts: Prompts) -> int:
    """Writes a `TrainingExample` per item; returns how many."""
    rows = []
    for item in items:
        rows.append(TrainingExample(prompt=prompts.prompt(item), completion=item.target))
    write_rows(path, rows)
    return len(rows)
