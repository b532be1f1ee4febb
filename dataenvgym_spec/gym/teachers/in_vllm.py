"""A model that vLLM runs in this process, as a teacher: one that exists, or a student."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.chat_template import read_template
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.speech import Speech, prompt_of, reply_of, seed_of, with_shape


class InVllm:
    """Answers as long as the process lives: vLLM is started once.

    An answer depends on its question, its sample and its seed; on what is answered beside it only
    as far as a sum of floating-point numbers depends on how a batch is divided.

    Attributes:
        device: where it runs.
        gpus: over how many GPUs it is split, where it runs on one.
    """

    def __init__(
        self, speech: Speech, *, name: str, model: Path, adapter: Path | None = None
    ) -> None:
        from dataenvgym_spec.gym.students.backends.vllm_engine import VllmEngine

        self.speech, self.name = speech, name
        self.chats = read_template(model) is not None
        self.engine = VllmEngine(
            model,
            adapter=adapter,
            dtype=speech.dtype,
            longest=speech.max_tokens,
            side_by_side=speech.concurrency,
        )
        self.device, self.gpus = self.engine.device, self.engine.gpus
        self._held: dict[str, bool] = {}

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """The replies as they are complete, in any order.

        An answer of a shape is held to it token by token. A shape that the library cannot hold
        answers to is in the prompt.

        Raises:
            StageError: a question shows images, or does not fit with its answer.
        """
        from dataenvgym_spec.gym.students.backends.vllm_engine import Wanted

        speech = self.speech
        whole = [(ask, sample) for ask in asks for sample in range(ask.samples)]
        wanted = []
        for ask, sample in whole:
            held = ask.shape is not None and self._holds(ask.shape)
            asked = ask if held else with_shape(ask)
            prompt = prompt_of(asked, chats=self.chats, thinking=speech.thinking)
            shape = ask.shape if held else None
            wanted.append(Wanted(prompt=prompt, seed=seed_of(ask, sample), shape=shape))
        for place, drawn in self.engine.generate(
            wanted, temperature=speech.temperature, top_p=speech.top_p, logprobs=speech.logprobs
        ):
            ask, sample = whole[place]
            yield reply_of(ask, sample, drawn.completion, model=self.name, logprobs=drawn.logprobs)

    def _holds(self, shape: dict[str, Any]) -> bool:
        text = canonical(shape)
        if text not in self._held:
            self._held[text] = self.engine.holds(shape)
        return self._held[text]
