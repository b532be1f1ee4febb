"""Starts the trainer under `accelerate launch`, tied to the life of its executor."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest, file_digest
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.config import TrainingConfig
from dataenvgym_spec.execute.warm.client import EXECUTOR, delegate_launch
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.students.trainers.protocol import TrainingFacts, TrainingSettings
from dataenvgym_spec.language.components import definition, standard
from dataenvgym_spec.records.files import damaged, read, write_json
from dataenvgym_spec.store.locks import die_with_parent

CHECKPOINT_SECONDS: Final = "DATAENVGYM_CHECKPOINT_SECONDS"


def launch(
    context: Context[Any],
    *,
    base: Path,
    examples: Path,
    trainer: Component,
    adapter: Component | None = None,
    settings: TrainingSettings,
    seed: int,
    out: Path,
) -> None:
    """Trains a student in processes of its own; a killed run goes on from its last checkpoint.

    Args:
        context: the running stage.
        base: folder of the model to start from.
        examples: a `TrainingExample` per line.
        trainer: who trains.
        adapter: what is trained in place of all weights; None trains all of them.
        settings: how it trains.
        seed: of the training order and of new weights.
        out: where the student is written.

    Raises:
        StageError: the trainer failed.
    """
    hardware = Hardware.of(os.environ)
    device_batch, accumulation = hardware.spread(settings.batch_size)
    loss, facts = context.work / "loss.jsonl", context.work / "facts.json"
    config = TrainingConfig(
        trainer=trainer.plain(),
        adapter=None if adapter is None else adapter.plain(),
        base=str(base),
        examples=str(examples),
        settings=settings,
        seed=seed,
        out=str(out),
        checkpoints=str(context.work / "checkpoints"),
        loss=str(loss),
        facts=str(facts),
        device_batch=device_batch,
        accumulation=accumulation,
        checkpoint_seconds=float(os.environ.get(CHECKPOINT_SECONDS, "60")),
    )
    _keep_checkpoints_of(config)
    path = context.work / "config.json"
    write_json(path, config)
    messages = context.work / "trainer.txt"
    with context.phase("train"):
        code = _run(_arguments(hardware, path), messages)
    if code:
        raise StageError(
            f"the trainer failed: {_reason(messages, code)}",
            help=f"its messages are in {messages}; running again goes on from its last checkpoint",
        )
    if not loss.is_file():
        raise damaged(loss)
    shutil.copyfile(loss, context.log / "loss.jsonl")
    context.record(**read(facts, TrainingFacts).plain())
    context.record(processes=hardware.processes, device_batch=device_batch)


def standard_trainer() -> Component:
    """The trainer that trains where a spec names none."""
    declared = definition("trainer", standard("trainer"))
    return Component(slot="trainer", kind=declared.kind, version=declared.version())


def _keep_checkpoints_of(config: TrainingConfig) -> None:
    """Removes the checkpoints of another training: a source may have given other examples."""
    content = config.plain()
    identity = {name: content[name] for name in ("trainer", "adapter", "settings", "seed")}
    training = digest("training", {**identity, "examples": file_digest(Path(config.examples))})
    folder = Path(config.checkpoints)
    mark = folder.with_suffix(".txt")
    if not (mark.is_file() and mark.read_text(encoding="utf-8") == training):
        shutil.rmtree(folder, ignore_errors=True)
        mark.write_text(training, encoding="utf-8")


def _arguments(hardware: Hardware, config: Path) -> list[str]:
    processes = str(hardware.processes)
    return [
        *("--num_machines", "1"),
        *("--num_processes", processes),
        # The spec says the precision of the weights, and the trainer loads them so.
        *("--mixed_precision", "no"),
        *("--dynamo_backend", "no"),
        *hardware.launch_options(),
        *("--module", "dataenvgym_spec.execute.training.trainer", str(config)),
    ]


def _run(arguments: list[str], messages: Path) -> int:
    """Calls `accelerate launch`, its standard error into a file; returns its exit code."""
    parent = os.getpid()
    environment = {**os.environ, EXECUTOR: str(parent), "TOKENIZERS_PARALLELISM": "false"}
    with messages.open("w", encoding="utf-8") as errors:
        code = delegate_launch(arguments, environment, errors)
        if code is not None:
            return code
        command = [sys.executable, "-m", "accelerate.commands.launch", *arguments]
        # The only way to ask this of the kernel before the launcher runs; this process has no
        # thread that could hold a lock.
        process = subprocess.Popen(
            command,
            env=environment,
            stderr=errors,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
        )
        return process.wait()


def _reason(messages: Path, code: int) -> str:
    """The trainer's last words, less those of its launcher."""
    text = messages.read_text(encoding="utf-8", errors="replace")
    reason = f"exit code {code}"
    for line in map(str.strip, text.splitlines()):
        of_launcher = "CalledProcessError" in line or line.startswith("File ")
        of_trainer = "Error" in line or line.startswith("MissingExtra")
        if of_trainer and ":" in line and not of_launcher:
            reason = line
    return reason
