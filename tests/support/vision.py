"""Students that see, made on the spot, and questions about drawn shapes for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.prompt import Prompts
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.gym.tasks.sources.shapes import Shapes
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture

FAMILIES = {"colour": {"asks": "colour", "objects": 1}, "place": {"asks": "place", "objects": 1}}
SETTINGS = GenerationSettings(dtype="float32", max_new_tokens=4, batch_size=64)

Paint = Callable[[Picture], bytes]
"""The file that is shown in place of an image's own."""


def pictures() -> Shapes:
    """Questions about one shape each."""
    return Shapes(families=FAMILIES, pixels=48)


def drawn(source: Shapes, count: int, seed: int) -> list[Item]:
    """So many questions of each family."""
    return [item for group in source.groups() for item in islice(source.stream(group, seed), count)]


def seeing(folder: Path, **sizes: Any) -> Path:
    """An untaught PaliGemma with the words of those questions."""
    from dataenvgym_spec.gym.students.models.paligemma import Paligemma

    properties = definition("model", "paligemma").schema["properties"]
    given = {name: one["default"] for name, one in properties.items() if "default" in one}
    texts = [f"{item.input} {item.target}" for item in drawn(pictures(), 60, 7)]
    folder.mkdir(parents=True, exist_ok=True)
    Paligemma(**{**given, **sizes}, vocabulary={}).build(texts, 0, folder)
    return folder


def prompts(folder: Path, items: Sequence[Item], paint: Paint, *, chat: bool = False) -> Prompts:
    """Prompts of items, whose images are written to a folder first."""
    for item in items:
        for picture in item.pictures:
            path = folder / picture.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(paint(picture))
    return Prompts("{{ input }}", chat=chat, file=lambda picture: folder / picture.file)


def examples(path: Path, items: Sequence[Item], asked: Prompts) -> None:
    """Writes what a trainer learns from."""
    rows = [TrainingExample(prompt=asked.prompt(item), completion=item.target) for item in items]
    write_rows(path, rows)


def answers(
    base: Path, items: Sequence[Item], asked: Prompts, adapter: Path | None = None
) -> list[Completion]:
    """What a student says."""
    from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend

    backend = TransformersBackend(settings=SETTINGS, model=base, adapter=adapter)
    return backend.generate([asked.prompt(item) for item in items])
