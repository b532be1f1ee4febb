"""What a trainer's process does: it makes the trainer and adapter of its config, and trains."""

from __future__ import annotations

import contextlib
import os
import traceback
from pathlib import Path

from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.execute.training.config import Failure, TrainingConfig
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.students.trainers.protocol import Trainer, TrainingFacts
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.files import json_text, read, write_json


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
    component = Component.parse("trainer", config.trainer)
    trainer: Trainer = make(component, files=files)
    if config.distribution != "ddp" and not getattr(trainer, "shards", False):
        message = f"'{component.kind}' needs the whole student in each process"
        raise StageError(message, help="set training.distribution in hardware.yaml to ddp")
    adapter: Adapter | None = None
    if config.adapter is not None:
        adapter = make(Component.parse("adapter", config.adapter), files=files)
    if config.score is None:
        trainer.train(config.job(adapter))
        return
    judge = Judge(Component.parse("scorer", config.score), files=files)
    judge.start()
    try:
        trainer.train(config.job(adapter, judge))
    finally:
        judge.close()
    _say_how_judged(config, judge)


def _say_how_judged(config: TrainingConfig, judge: Judge) -> None:
    """Adds to what was measured where answers were judged, and how many could not be."""
    if int(os.environ.get("RANK", "0")):  # the first process writes what is measured
        return
    facts = read(config.facts, TrainingFacts)
    unreadable = dict(sorted(judge.unreadable.items())) or None
    write_json(config.facts, replace(facts, sandbox=judge.where, unreadable=unreadable))
