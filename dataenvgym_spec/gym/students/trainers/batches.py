"""Which examples a process takes in which batch.

A step takes the same examples in the same order however many processes and devices share it, and a
last, smaller step repeats none of them: that is how one spec gives one student on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from dataenvgym_spec.gym.students.trainers.protocol import Job


# The type checker skips torch, which takes it longer than all else.
class Batches(Sampler[list[int]]):  # type: ignore[misc]
    """The batches of one process in a pass over the examples, as indices; some may be empty.

    Every pass has its own order, drawn from the seed and the number of the pass.
    """

    def __init__(self, examples: int, job: Job, process: int) -> None:
        self.examples, self.job, self.process = examples, job, process
        self.epoch = 0

    def __len__(self) -> int:
        return self.job.accumulation * -(-self.examples // self.job.settings.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order, job = self.order(self.epoch), self.job
        for start in range(0, self.examples, job.settings.batch_size):
            step = order[start : start + job.settings.batch_size]
            for turn in range(job.accumulation):
                first = (turn * job.processes + self.process) * job.device_batch
                yield step[first : first + job.device_batch]

    def set_epoch(self, epoch: int) -> None:
        """Says which pass comes next."""
        self.epoch = epoch

    def order(self, epoch: int) -> list[int]:
        """The order of the examples in a pass, counted from 0."""
        generator = torch.Generator()
        generator.manual_seed(self.job.seed + epoch)
        order: list[int] = torch.randperm(self.examples, generator=generator).tolist()
        return order

    def seen(self, steps: int) -> Iterator[int]:
        """The examples that all processes together have taken after some steps, with repeats."""
        batch = self.job.settings.batch_size
        passes, rest = divmod(steps, -(-self.examples // batch))
        for _ in range(passes):
            yield from range(self.examples)
        yield from self.order(passes)[: rest * batch]


class Loader(DataLoader[Any]):  # type: ignore[misc]
    """Loads batches, and tells them which pass it is: transformers' Trainer asks the loader."""

    def set_epoch(self, epoch: int) -> None:
        """Says which pass comes next."""
        assert isinstance(self.batch_sampler, Batches)
        self.batch_sampler.set_epoch(epoch)
