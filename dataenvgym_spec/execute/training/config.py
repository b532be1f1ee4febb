"""The file between the launcher and the trainer's processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.students.trainers.checkpoints import FOLDER
from dataenvgym_spec.gym.students.trainers.protocol import Distribution, Job, TrainingSettings
from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.records.record import Record


class Failure(Record, frozen=True, kw_only=True):
    """Why a training failed."""

    message: str
    help: str | None = None


class TrainingConfig(Record, frozen=True, kw_only=True):
    """A `Job` as JSON, with the components that do it; see there.

    Attributes:
        trainer: the trainer, with its options and version, as a stage's parameters have it.
        adapter: the adapter, in the same form.
        score: the scorer, for a trainer that judges answers.
        files: the places of the files that their options name, by digest.
        work: the folder for what the trainer leaves, for itself and for its caller.
    """

    trainer: dict[str, Any]
    adapter: dict[str, Any] | None
    score: dict[str, Any] | None = None
    files: dict[str, str]
    base: str
    examples: str
    settings: TrainingSettings
    seed: int
    out: str
    work: str
    start: str | None = None
    processes: int
    device_batch: int
    accumulation: int
    checkpoint_seconds: float
    distribution: Distribution = "ddp"
    recompute: bool = False

    @property
    def checkpoints(self) -> Path:
        """See `Job`."""
        return Path(self.work, FOLDER)

    @property
    def loss(self) -> Path:
        """See `Job`."""
        return Path(self.work, "loss.jsonl")

    @property
    def facts(self) -> Path:
        """See `Job`."""
        return Path(self.work, "facts.json")

    @property
    def pairs(self) -> Path:
        """See `Job`."""
        return Path(self.work, "pairs.jsonl")

    @property
    def labels(self) -> Path:
        """See `Job`."""
        return Path(self.work, "labels.jsonl")

    @property
    def failure(self) -> Path:
        """Where the first process that fails writes a `Failure`."""
        return Path(self.work, "failure.json")

    def job(self, adapter: Adapter | None, judge: Scorer | None = None) -> Job:
        """The job, with the instances of its adapter and of its scorer."""
        return Job(
            base=Path(self.base),
            start=None if self.start is None else Path(self.start),
            examples=Path(self.examples),
            settings=self.settings,
            adapter=adapter,
            seed=self.seed,
            out=Path(self.out),
            checkpoints=self.checkpoints,
            loss=self.loss,
            facts=self.facts,
            processes=self.processes,
            device_batch=self.device_batch,
            accumulation=self.accumulation,
            checkpoint_seconds=self.checkpoint_seconds,
            judge=judge,
            pairs=self.pairs,
            labels=self.labels,
            distribution=self.distribution,
            recompute=self.recompute,
        )
