"""Starts the trainer under `accelerate launch`, tied to the life of its executor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import ABORTED, SIGNALLED, MachineFault, as_shells, is_fault
from dataenvgym_spec.core.hashing import digest, file_digest
from dataenvgym_spec.core.variables import checkpoint_seconds
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.config import Failure, TrainingConfig
from dataenvgym_spec.execute.training.machines import announced
from dataenvgym_spec.execute.training.start import started
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.students.trainers.checkpoints import mark_of
from dataenvgym_spec.gym.students.trainers.protocol import TrainingFacts, TrainingSettings
from dataenvgym_spec.records.files import damaged, read, write_json


def launch(
    context: Context[Any],
    *,
    base: Path,
    start: Path | None = None,
    examples: Path,
    trainer: Component,
    adapter: Component | None = None,
    score: Component | None = None,
    settings: TrainingSettings,
    seed: int,
    out: Path,
) -> None:
    """Trains a student in processes of its own; a killed run goes on from its last checkpoint.

    Args:
        context: the running stage.
        base: folder of the model to start from.
        start: folder of an adapter on it that is trained on; None begins with a fresh one.
        examples: a `TrainingExample` per line.
        trainer: who trains.
        adapter: what is trained in place of all weights; None trains all of them.
        score: what judges answers, for a trainer that does.
        settings: how it trains.
        seed: of the training order and of new weights.
        out: where the student is written.

    Raises:
        MachineFault: the trainer was killed.
        StageError: it failed.
        UserError: a variable of the environment has a value that cannot be.
    """
    hardware = Hardware.of(os.environ)
    device_batch, accumulation = hardware.spread(settings.batch_size)
    config = TrainingConfig(
        trainer=trainer.plain(),
        adapter=None if adapter is None else adapter.plain(),
        score=None if score is None else score.plain(),
        files={digest: str(path) for digest, path in context.files.items()},
        base=str(base),
        start=None if start is None else str(start),
        examples=str(examples),
        settings=settings,
        seed=seed,
        out=str(out),
        work=str(context.work),
        processes=hardware.processes,
        device_batch=device_batch,
        accumulation=accumulation,
        checkpoint_seconds=checkpoint_seconds(os.environ),
        distribution=hardware.distribution if hardware.is_sharded else "ddp",
        recompute=hardware.recompute,
    )
    hardware.require(settings.dtype)
    _train(context, hardware, config)
    context.record(processes=hardware.processes, device_batch=device_batch, **hardware.facts())


def _train(context: Context[Any], hardware: Hardware, config: TrainingConfig) -> None:
    """Has the trainer do its work, and takes over what it measured.

    Raises:
        MachineFault: it was killed.
        StageError: it failed.
    """
    _keep_checkpoints_of(config)
    config.failure.unlink(missing_ok=True)
    path = context.work / "config.json"
    write_json(path, config)
    messages = context.work / "trainer.txt"
    with context.phase("train"), announced(hardware, path) as spread:
        if spread.machines > 1:
            context.say(
                f"  machines that train together: {spread.machines}; waits for those that join"
            )
        code = started(spread, context.work, path, messages)
    if code:
        raise _failed(config.failure, messages, code)
    if not config.loss.is_file():
        raise damaged(config.loss)
    shutil.copyfile(config.loss, context.log / "loss.jsonl")
    logs = {config.pairs: context.log / "pairs.jsonl", config.labels: context.log / "labels.jsonl"}
    for learned, log in logs.items():
        if learned.is_file():
            shutil.copyfile(learned, log)
    context.record(**read(config.facts, TrainingFacts).plain())


def _keep_checkpoints_of(config: TrainingConfig) -> None:
    """Removes the checkpoints of another training: a source may have given other examples."""
    content = config.plain()
    named = ("trainer", "adapter", "score", "settings", "seed", "distribution")
    identity = {name: content[name] for name in named if name in content}
    training = digest("training", {**identity, "examples": file_digest(Path(config.examples))})
    folder = config.checkpoints
    mark = mark_of(folder)
    if not (mark.is_file() and mark.read_text(encoding="utf-8") == training):
        shutil.rmtree(folder, ignore_errors=True)
        config.pairs.unlink(missing_ok=True)
        config.labels.unlink(missing_ok=True)
        mark.write_text(training, encoding="utf-8")


def _failed(failure: Path, messages: Path, code: int) -> StageError:
    """What the trainer says of its failure, or else its last words."""
    help = f"its messages are in {messages}; running again goes on from its last checkpoint"
    # What others say of one that was killed is that they have lost it. One that aborts may itself
    # have lost another, on this machine or on one that trains with it, which has said why.
    if is_fault(code) and not (as_shells(code) == ABORTED and failure.is_file()):
        how = f"signal {as_shells(code) - SIGNALLED}"
        return MachineFault(f"the trainer was killed ({how})", help=help, code=code)
    if not failure.is_file():
        return StageError(f"the trainer failed: {_reason(messages, code)}", help=help)
    said = read(failure, Failure)
    return StageError(f"the trainer failed: {said.message}", help=said.help or help)


def _reason(messages: Path, code: int) -> str:
    """The last words of a trainer that could not say why, less those of its launcher."""
    text = messages.read_text(encoding="utf-8", errors="replace")
    reason = f"exit code {code}"
    for line in map(str.strip, text.splitlines()):
        of_launcher = "CalledProcessError" in line or "ChildFailedError" in line
        if "Error: " in line and not of_launcher and not line.startswith("File "):
            reason = line
    return reason
