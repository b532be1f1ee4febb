"""What a trainer's process does: it makes the trainer and adapter of its config, and trains."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.training.config import Failure, TrainingConfig
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.students.trainers.protocol import Trainer
from dataenvgym_spec.records.files import json_text, read


def run(path: Path) -> int:
    """Trains as a config file says; returns the exit code.

    Of several processes the first to fail says why: the others fail because it is gone.
    """
    config = read(path, TrainingConfig)
    try:
        _train(config)
    except UserError as error:
        failure = Failure(message=error.message, help=error.help)
    except Exception as error:
        traceback.print_exc()
        failure = Failure(message=f"{type(error).__name__}: {error}")
    else:
        return 0
    with contextlib.suppress(FileExistsError), config.failure.open("x") as file:
        file.write(json_text(failure))
    return 1


def _train(config: TrainingConfig) -> None:
    files = {digest: Path(path) for digest, path in config.files.items()}
    trainer: Trainer = make(Component.parse("trainer", config.trainer), files=files)
    adapter: Adapter | None = None
    if config.adapter is not None:
        adapter = make(Component.parse("adapter", config.adapter), files=files)
    trainer.train(config.job(adapter))
