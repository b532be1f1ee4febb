"""Students that see, made on the spot, and questions about drawn shapes for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.painters.noise import Noise
from dataenvgym_spec.gym.prompt import Prompts
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.gym.tasks.sources.shapes import Shapes
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture
from tests.support.training import TRAIN, job_in

FAMILIES: dict[str, Mapping[str, Any]] = {
    "colour": {"asks": "colour", "objects": 1},
    "place": {"asks": "place", "objects": 1},
}
SETTINGS = GenerationSettings(dtype="float32", max_new_tokens=4, batch_size=64)

Paint = Callable[[Picture], bytes]
"""The file that is shown in place of an image's own."""


def pictures() -> Shapes:
    """Questions about one shape each."""
    return Shapes(families=FAMILIES, pixels=48)


def drawn(source: Shapes, count: int, seed: int) -> list[Item]:
    """So many questions of each family."""
    return [item for group in source.groups() for item in islice(source.stream(group, seed), count)]


def seeing(folder: Path, texts: Sequence[str] = (), **sizes: Any) -> Path:
    """An untaught PaliGemma with the words of some texts, or of those questions."""
    from dataenvgym_spec.gym.students.models.paligemma import Paligemma

    properties = definition("model", "paligemma").schema["properties"]
    given = {name: one["default"] for name, one in properties.items() if "default" in one}
    texts = texts or [f"{item.input} {item.target}" for item in drawn(pictures(), 60, 7)]
    folder.mkdir(parents=True, exist_ok=True)
    Paligemma(**{**given, **sizes}, vocabulary={}).build(list(texts), 0, folder)
    return folder


def content_of(source: Any) -> Paint:
    """The own images of a source."""

    def content(picture: Picture) -> bytes:
        made: bytes | None = source.images.content(picture)
        assert made is not None
        return made

    return content


def noise(picture: Picture) -> bytes:
    """An image of the same size that shows nothing."""
    painted = Noise(pixels=picture.width).paint([picture.digest], 0)
    assert painted[0] is not None
    return painted[0]


def taught(folder: Path, base: Path, items: Sequence[Item], paint: Paint, **more: Any) -> Path:
    """A student that is taught some items, with their images or others, in this process."""
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    folder.mkdir(exist_ok=True)
    chat = bool(more.pop("chat", False))
    examples(folder / "examples.jsonl", items, prompts(folder, items, paint, chat=chat))
    own = {name: more.pop(name) for name in ("adapter",) if name in more}
    job = job_in(folder, base, {**TRAIN, **more}, device_batch=32, **own)
    Sft().train(job)
    return job.out


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
