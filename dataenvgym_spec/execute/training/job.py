"""What a trainer's process does: it makes the trainer and adapter of its config, and trains."""

from __future__ import annotations

import sys
from pathlib import Path

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.training.config import TrainingConfig
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.students.trainers.protocol import Trainer
from dataenvgym_spec.records.files import read


def run(path: Path) -> int:
    """Trains as a config file says; returns the exit code.

    A mistake that the user can mend is printed as one line, which the launcher shows.
    """
    try:
        _train(path)
    except UserError as error:
        reason = f"{error.message} ({error.help})" if error.help else error.message
        print(f"{type(error).__name__}: {reason}", file=sys.stderr, flush=True)
        return 1
    return 0


def _train(path: Path) -> None:
    config = read(path, TrainingConfig)
    trainer: Trainer = make(Component.parse("trainer", config.trainer))
    adapter: Adapter | None = None
    if config.adapter is not None:
        adapter = make(Component.parse("adapter", config.adapter))
    trainer.train(config.job(adapter))
