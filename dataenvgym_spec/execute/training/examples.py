"""The file between an executor and the trainer: prompts with the completions to learn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.prompt import Prompts
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import writing_rows
from dataenvgym_spec.records.items import Item


def write_examples(
    path: Path, items: Iterable[Item], prompts: Prompts, *, judged: bool = False
) -> int:
    """Writes a `TrainingExample` per item; returns how many.

    Args:
        path: of the file.
        items: the examples.
        prompts: renders their questions.
        judged: whether the trainer judges answers to them, or compares answers.
    """
    count = 0
    with writing_rows(path) as write:
        for item in items:
            more: dict[str, Any] = {}
            if judged:
                bare = item.item() if isinstance(item, Example) else item
                more = {"item": bare, "rejected": getattr(item, "rejected", None)}
            prompt = prompts.prompt(item)
            write(TrainingExample(prompt=prompt, completion=item.target, **more))
            count += 1
    return count
