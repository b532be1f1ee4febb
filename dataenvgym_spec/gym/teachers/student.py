"""The student as a teacher, of others or of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.chat_template import read_template
from dataenvgym_spec.gym.students.backends.protocol import Backend, GenerationSettings
from dataenvgym_spec.gym.teachers.in_vllm import InVllm
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.speech import Speech, prompt_of, reply_of, seed_of, with_shape
from dataenvgym_spec.language.components import definition

BLOCKS: Final = 4
"""Batches that are generated at once: prompts of one length cost least side by side, and what is
generated is kept only when all of them are done."""


class StudentTeacher:
    """The latest student, or its base; which of them it is handed, its definition says.

    Attributes:
        device: where it runs, once it does.
    """

    def __init__(
        self,
        *,
        student: Path,
        base: Path | None = None,
        which: str,
        backend: str,
        **options: Any,
    ) -> None:
        self.which, self.backend, self.speech = which, backend, Speech.parse(options)
        self.adapter = student if (student / "adapter_config.json").is_file() else None
        self.model = base if self.adapter and base else student
        self.device: str | None = None
        self.gpus = 1
        self._running: InVllm | InBackend | None = None

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """The replies as they are complete, in any order.

        Raises:
            MissingExtra: what it runs in is not installed.
            StageError: a question shows images, or the student cannot answer it.
        """
        if self._running is None:
            self._running = self._started()
            self.device, self.gpus = self._running.device, self._running.gpus
        yield from self._running.answer(asks)

    def _started(self) -> InVllm | InBackend:
        name = f"{self.which} student"
        definition("backend", self.backend).load()
        if self.backend == "transformers":
            return InBackend(self.speech, name=name, model=self.model, adapter=self.adapter)
        return InVllm(self.speech, name=name, model=self.model, adapter=self.adapter)


class InBackend:
    """A student in the backend of transformers, as a teacher."""

    def __init__(
        self, speech: Speech, *, name: str, model: Path, adapter: Path | None = None
    ) -> None:
        settings = GenerationSettings(
            dtype=speech.dtype,
            max_new_tokens=speech.max_tokens,
            batch_size=speech.concurrency,
            temperature=speech.temperature,
            top_p=speech.top_p,
        )
        load = definition("backend", "transformers").load()
        self.backend: Backend = load(settings=settings, model=model, adapter=adapter)
        self.speech, self.name, self.device = speech, name, self.backend.device
        self.gpus = 1
        self.chats = read_template(model) is not None

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """The replies in order. A shape is in the prompt: what is not of it is asked for again.

        Raises:
            StageError: a question shows images.
        """
        whole = [(ask, sample) for ask in asks for sample in range(ask.samples)]
        size = BLOCKS * self.speech.concurrency
        for start in range(0, len(whole), size):
            block, prompts = whole[start : start + size], []
            for ask, _ in block:
                asked = with_shape(ask)
                prompts.append(prompt_of(asked, chats=self.chats, thinking=self.speech.thinking))
            seeds = [seed_of(ask, sample) for ask, sample in block]
            draws = self.speech.temperature > 0
            completions = self.backend.generate(prompts, seeds if draws else ())
            for (ask, sample), completion in zip(block, completions, strict=True):
                yield reply_of(ask, sample, completion, model=self.name)
