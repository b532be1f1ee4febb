"""What a backend is: generation with one student, whichever library does it.

An installed backend brings a class that satisfies `Backend` and, beside it, the JSON definition of
its options. An instance is constructed with those options and, besides, with:

    settings: GenerationSettings    what `student.generate` of a spec says, less the backend
    model: Path                     folder of a model, in the transformers format
    adapter: Path | None            folder of an adapter on it, in peft's format

It loads the student at once; the time this takes is logged apart from that of `generate`. One that
cannot draw tokens declares `"serves": {"decoding": ["greedy"]}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.records.record import Record


class GenerationSettings(Record, frozen=True, kw_only=True):
    """What `student.generate` of a spec says, less the backend.

    Attributes:
        dtype: of the weights.
        max_new_tokens: the longest completion, its end token included.
        batch_size: prompts that are generated side by side.
        temperature: 0 for the likeliest token; above, tokens are drawn from the softmax of the
            scores divided by it.
        top_p: tokens are drawn from the likeliest ones that make up this much.
        repeatable: whether running it again must give the same.
    """

    dtype: Literal["float32", "bfloat16", "float16"]
    max_new_tokens: int
    batch_size: int
    temperature: float = 0.0
    top_p: float = 1.0
    repeatable: bool = True

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn."""
        return self.temperature > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a student wrote.

    Attributes:
        text: without the end token.
        tokens: how many were generated, the end token included.
        prompt_tokens: how many the prompt has.
        truncated: whether it was cut at the longest length allowed.
    """

    text: str
    tokens: int
    prompt_tokens: int
    truncated: bool


class Backend(Protocol):
    """Generates with one student."""

    device: str
    """Where it runs, such as `cpu` or `cuda`; for the log.

    One that is split over several GPUs says over how many in `gpus`.
    """

    def generate(
        self, prompts: Sequence[Prompt | str], seeds: Sequence[int] = ()
    ) -> list[Completion]:
        """Completes prompts.

        Args:
            prompts: whole prompts, texts or conversations; `Codec.encode` gives their tokens.
            seeds: one a prompt where tokens are drawn; none where they are not.

        Returns:
            One completion a prompt, in the order of the prompts. It depends on the prompt and its
            seed alone, not on what it is batched with.
        """


class Dividing(Backend, Protocol):
    """A backend that declares `divides`: several processes can share the prompts of a stage."""

    def groups(self, prompts: Sequence[Prompt | str]) -> list[list[int]]:
        """Which prompts are generated side by side, at most `batch_size` of them.

        Asked for the prompts of some of these groups alone, in the order that they have here, it
        makes the same groups of them and gives the same completions, byte for byte.

        Args:
            prompts: as for `generate`.

        Returns:
            The places of prompts, each once; a group after the other.
        """


class Changing(Backend, Protocol):
    """A backend that declares `adapts`, and is kept from one evaluation to the next."""

    def adapt(self, adapter: Path | None) -> None:
        """Has the next completions be of another adapter on the same model, or of the model itself.

        They are those of a new instance with this adapter, byte for byte.

        Args:
            adapter: its folder, or None. Where `freely` is not declared, its `adapter_config.json`
                is that of the one before, and it is None where that was.
        """
