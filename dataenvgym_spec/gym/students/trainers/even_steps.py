"""Steps in which every row weighs the same, for trainers of TRL: on our batches and token ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from dataenvgym_spec.gym.students.trainers.batches import Batches, Loader
from dataenvgym_spec.gym.students.trainers.loop import settle
from dataenvgym_spec.gym.students.trainers.protocol import Job

Row = dict[str, Any]


class Tokenized(Protocol):
    """Rows as token ids."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Row: ...

    def tokens(self, index: int) -> int:
        """How many tokens a row has."""
        ...


class EvenSteps:
    """Stands before a trainer of TRL among the bases of a class."""

    job: Job
    args: Any
    state: Any
    data_collator: Any
    learned: Tokenized
    batches: Batches

    def spread(self, job: Job, learned: Tokenized) -> None:
        """Says what is learned, once the trainer is made.

        Raises:
            StageError: another number of processes trains than was started.
        """
        settle(self, job)
        self.job, self.learned = job, learned
        self.batches = Batches(len(learned), job, self.args.process_index)

    def get_train_dataloader(self) -> Loader:
        """The batches of this process."""
        return Loader(
            self.learned, batch_sampler=self.batches, collate_fn=self.data_collator, num_workers=0
        )

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        """The loss of a batch, as its part of the mean over the rows of the whole step."""
        there = int(inputs.pop("rows"))
        loss = super().compute_loss(model, inputs, *args, **more)  # type: ignore[misc]
        share = there * self.job.accumulation * self.job.processes / self.in_step()
        return loss * share

    def in_step(self) -> int:
        """How many rows all processes learn in this step: the last of a pass may have less."""
        total, size = len(self.learned), self.job.settings.batch_size
        steps = -(-total // size)
        last = self.state.global_step % steps == steps - 1
        return total - (steps - 1) * size if last else size

    def tokens(self) -> int:
        """How many tokens all processes have trained on, without padding."""
        return sum(map(self.learned.tokens, self.batches.seen(self.state.global_step)))


class Together:
    """Makes a batch of rows; of none, one that counts nothing: each process takes every step."""

    def __init__(self, collate: Callable[[list[Row]], dict[str, Any]], learned: Tokenized) -> None:
        self.collate, self.learned = collate, learned

    def __call__(self, rows: list[Row]) -> dict[str, Any]:
        """What TRL makes of rows, and in `rows` how many they are."""
        batch = self.collate(rows or [self.learned[0]])
        return {**batch, "rows": torch.tensor(len(rows))}


def padding(tokenizer: Any) -> int:
    """The token that fills up a batch: the tokenizer's for it, or else its end of a text."""
    token = tokenizer.pad_token_id
    return int(tokenizer.eos_token_id if token is None else token)
