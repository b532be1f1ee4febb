"""What a trainer's process does: makes the trainer and adapter that the config names, and trains."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.execute.training.config import TrainingConfig
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.students.trainers.protocol import Trainer
from dataenvgym_spec.records.files import read


def train(path: Path) -> None:
    """Trains as a config file says.

    Raises:
        StageError: the file is damaged.
        MissingExtra: a package that the trainer or the adapter needs is not installed.
        UserError: one of them is not installed, or in another version.
    """
    config = read(path, TrainingConfig)
    trainer: Trainer = make(Component.parse("trainer", config.trainer))
    adapter: Adapter | None = None
    if config.adapter is not None:
        adapter = make(Component.parse("adapter", config.adapter))
    trainer.train(config.job(adapter))
