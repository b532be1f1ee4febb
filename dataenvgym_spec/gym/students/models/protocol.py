"""What a model is: how a spec says which student is taught.

An installed model brings a class that satisfies `Model` or `Existing` and, beside it, the JSON
definition of its options, which the class takes as keyword arguments: a file by its path, another
component (such as a source that it learns from) as an instance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.records.items import Item


class Training(Protocol):
    """Trains a model in processes of its own; a killed run goes on from its last checkpoint."""

    def __call__(self, base: Path, examples: Sequence[Item], settings: TrainingSettings) -> None:
        """Trains all weights and writes the student to where `Model.prepare` must leave it.

        Args:
            base: folder of the model to start from, in the transformers format.
            examples: what it learns, in this order; the trainer shuffles.
            settings: how.

        Raises:
            StageError: the trainer failed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """What a model may use that learns something before it is taught.

    Attributes:
        seed: whatever is drawn or initialised is seeded by it.
        prompt: the prompt of an item, as in every evaluation.
        free: whether no split may ever draw an item. Only such items may be learned.
        train: trains the model.
    """

    seed: int
    prompt: Callable[[Item], str]
    free: Callable[[Item], bool]
    train: Training


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTools:
    """What a model may use to prepare itself.

    Attributes:
        work: an own folder; what a killed run left in it is there again.
        say: prints a line of progress.
        phase: measures the time of a part of the work, for the log.
        pretraining: only for a model one of whose options refers to a source: the key of any other
            depends on no seed, no prompt and no split.
    """

    work: Path
    say: Callable[[str], None]
    phase: Callable[[str], AbstractContextManager[None]]
    pretraining: Pretraining | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A student that exists: its folder, in the transformers format.

    Attributes:
        folder: where it lies on this machine.
        size: of its files, in bytes; None if they are all the files that the folder is.
    """

    folder: Path
    size: int | None = None


@runtime_checkable
class Existing(Protocol):
    """A causal language model that exists: the store refers to it and holds no copy."""

    def find(self, size: int | None = None) -> Found:
        """The student, fetched first if it has to be.

        Args:
            size: of its files in bytes, where it was found before.

        Raises:
            StageError: it cannot be had.
        """


class Model(Protocol):
    """A causal language model that is made, and can be taught."""

    def prepare(self, out: Path, tools: ModelTools) -> dict[str, Any]:
        """Writes the student to a folder: model and tokenizer in the transformers format.

        Args:
            out: the folder; it is there and empty.
            tools: what it may use.

        Returns:
            Facts for the stage's log by the names of `records.logs.Log`, such as `parameters`.

        Raises:
            StageError: it cannot be had.
        """
