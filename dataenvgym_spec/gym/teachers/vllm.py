"""A teacher that runs in the stage that asks it, in vLLM: a model of the hub, or of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dataenvgym_spec.gym.students.models.protocol import Existing
from dataenvgym_spec.gym.teachers.in_vllm import InVllm
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.speech import Speech


class VllmTeacher:
    """A language model on this machine. It is fetched and loaded when it is asked first.

    Attributes:
        device: where it runs, once it does.
        gpus: over how many GPUs it is split, where it runs on one.
    """

    def __init__(self, *, model: Existing, **options: Any) -> None:
        self.model, self.speech = model, Speech.parse(options)
        self.device: str | None = None
        self.gpus = 1
        self._running: InVllm | None = None

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """The replies as they are complete, in any order; see `InVllm`.

        Raises:
            StageError: the model cannot be had, or a question does not fit.
        """
        if self._running is None:
            folder = self.model.find().folder
            self._running = InVllm(self.speech, name=name_of(self.model), model=folder)
            self.device, self.gpus = self._running.device, self._running.gpus
        yield from self._running.answer(asks)


def name_of(model: Existing) -> str:
    """What a model calls itself: its id on the hub, or the name of its folder."""
    name = getattr(model, "id", None)
    return name if isinstance(name, str) else model.find().folder.name
