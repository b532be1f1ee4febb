"""Generation with transformers, in batches of prompts of similar length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import GenerationConfig, LogitsProcessorList
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.drawing import Draw
from dataenvgym_spec.gym.students.backends.finite import Finite
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.students.codec import Codec
from dataenvgym_spec.gym.students.pretrained import read_model, with_adapter
from dataenvgym_spec.gym.students.threads import settle
from dataenvgym_spec.gym.students.vision import Gallery, Inputs, stacked

Tokens = list[int]


class Encoded:
    """Prompts that are encoded once, and what is seen of them as far as there is room.

    Args of the constructor:
        encode: a prompt as the model takes it.
        prompts: all that may be asked for.
    """

    def __init__(
        self, encode: Callable[[Prompt | str], Inputs], prompts: Sequence[Prompt | str]
    ) -> None:
        self._numbers = {_name(prompt): number for number, prompt in enumerate(prompts)}
        self._gallery = Gallery(lambda number: encode(prompts[number]))
        self._inputs = {number: self._gallery.look(number) for number in self._numbers.values()}

    def has(self, prompts: Sequence[Prompt | str]) -> bool:
        """Whether some prompts are among them."""
        return self._numbers.keys() >= set(map(_name, prompts))

    def ids(self, prompts: Sequence[Prompt | str]) -> list[Tokens]:
        """The tokens of some prompts."""
        return [self._inputs[self._numbers[_name(prompt)]].ids for prompt in prompts]

    def whole(self, prompt: Prompt | str) -> Inputs:
        """A prompt with what is seen of it."""
        number = self._numbers[_name(prompt)]
        return replace(self._inputs[number], seen=self._gallery.seen(number))


def _name(prompt: Prompt | str) -> bytes:
    """What tells a prompt from others."""
    return msgspec.json.encode(prompt)


class TransformersBackend:
    """A student loaded by transformers, with a peft adapter if it has one."""

    def __init__(self, *, settings: GenerationSettings, model: Path, adapter: Path | None) -> None:
        disable_progress_bar()
        self.settings = settings
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.codec = Codec(model, max_new_tokens=settings.max_new_tokens)
        loaded = read_model(model, dtype=getattr(torch, settings.dtype), adapter=adapter)
        settle(loaded)
        self.adapter = adapter
        self.model = self._ready(loaded)
        self.grouped: Encoded | None = None
        """What `groups` was asked for last, which is what is generated next."""

    def adapt(self, adapter: Path | None) -> None:
        """Has the next completions be of another adapter on the same model, or of none."""
        bare = self.model if self.adapter is None else self.model.unload()
        self.adapter, self.grouped = adapter, None
        self.model = self._ready(bare if adapter is None else with_adapter(bare, adapter))

    def _ready(self, model: Any) -> Any:
        # What is not said to `generate` would be taken from here.
        model.generation_config = GenerationConfig()
        return model.to(self.device).eval()

    def generate(
        self, prompts: Sequence[Prompt | str], seeds: Sequence[int] = ()
    ) -> list[Completion]:
        """Completes prompts, in their order."""
        asked = self._encoded(prompts)
        encoded = asked.ids(prompts)
        completions: dict[int, Completion] = {}
        for room, batch in self._batches(encoded):
            members = [asked.whole(prompts[index]) for index in batch]
            drawn = [seeds[index] for index in batch] if self.settings.draws else []
            generated = self._batch(members, room, drawn) if room else [[] for _ in batch]
            for index, tokens in zip(batch, generated, strict=True):
                completions[index] = self.codec.completion(encoded[index], tokens)
        return [completions[index] for index in range(len(prompts))]

    def groups(self, prompts: Sequence[Prompt | str]) -> list[list[int]]:
        """Which prompts are generated side by side."""
        self.grouped = Encoded(self.codec.inputs, prompts)
        return [batch for _, batch in self._batches(self.grouped.ids(prompts))]

    def _encoded(self, prompts: Sequence[Prompt | str]) -> Encoded:
        """Prompts as tokens: those that were grouped are that already."""
        if self.grouped is not None and self.grouped.has(prompts):
            return self.grouped
        return Encoded(self.codec.inputs, prompts)

    def _batches(self, encoded: list[Tokens]) -> Iterator[tuple[int, list[int]]]:
        """Prompts that are generated side by side, with the room that each has.

        They are of similar length: what is padding is computed in vain.
        """
        size = self.settings.batch_size
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        for room, group in groupby(order, key=lambda index: self.codec.room(encoded[index])):
            members = list(group)
            for start in range(0, len(members), size):
                yield room, members[start : start + size]

    def _batch(self, members: list[Inputs], room: int, seeds: list[int]) -> list[Tokens]:
        inputs = self._padded(members)
        decoding = GenerationConfig(
            do_sample=False,
            max_new_tokens=room,
            eos_token_id=sorted(self.codec.ends) or None,
            pad_token_id=self.codec.pad,
        )
        with torch.inference_mode():
            out = self.model.generate(
                **inputs, generation_config=decoding, logits_processor=self._processors(seeds)
            )
        longest = inputs["input_ids"].shape[1]
        rows: list[Tokens] = out[:, longest:].tolist()
        return rows

    def _padded(self, members: list[Inputs]) -> dict[str, torch.Tensor]:
        """Prompts as one batch: what is shorter than the longest begins later."""
        ids = [one.ids for one in members]
        padded = self.codec.tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        longest = max(map(len, ids))
        batch = {name: padded[name] for name in ("input_ids", "attention_mask")}
        for name in members[0].beside:
            rows = [one.beside[name] for one in members]
            batch[name] = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
        for name, seen in stacked([one.seen for one in members]).items():
            batch[name] = seen.to(self.model.dtype) if seen.is_floating_point() else seen
        return {name: part.to(self.device) for name, part in batch.items()}

    def _processors(self, seeds: list[int]) -> LogitsProcessorList:
        """What looks at the scores, and with seeds turns greedy search into drawing."""
        settings = self.settings
        processors = LogitsProcessorList([Finite(settings.dtype)])
        if seeds:
            draw = Draw(
                seeds, temperature=settings.temperature, top_p=settings.top_p, device=self.device
            )
            processors.append(draw)
        return processors
