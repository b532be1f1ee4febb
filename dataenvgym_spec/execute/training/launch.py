"""Starts the trainer under `accelerate launch`, tied to the life of its executor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.records.files import read_json, write_json
from dataenvgym_spec.store.locks import die_with_parent

EXECUTOR = "DATAENVGYM_EXECUTOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """How training is spread out. Not part of a spec or a key: the global batch stays what the spec says.

    `DATAENVGYM_PROCESSES` sets the number of processes (default: one per GPU, or one), `DATAENVGYM_DEVICE_BATCH` the most
    examples a device takes at once (default: its whole share of the batch).
    """

    processes: int
    device_batch: int | None
    gpus: int = 0

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Hardware:
        """From the environment and the machine."""
        gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
        device_batch = environ.get("DATAENVGYM_DEVICE_BATCH")
        processes = int(environ.get("DATAENVGYM_PROCESSES", max(1, gpus)))
        return cls(
            processes=processes,
            device_batch=int(device_batch) if device_batch else None,
            gpus=min(gpus, processes),
        )

    def spread(self, batch_size: int) -> tuple[int, int]:
        """Per-device batch and accumulation steps that make up a global batch.

        >>> Hardware(processes=2, device_batch=8).spread(64)
        (8, 4)

        Raises:
            StageError: the global batch cannot be divided so.
        """
        if batch_size % self.processes:
            raise StageError(
                f"a global batch of {batch_size} does not divide among {self.processes} processes",
                help="set DATAENVGYM_PROCESSES to a divisor",
            )
        share = batch_size // self.processes
        most = min(self.device_batch or share, share)
        per_device = next(size for size in range(most, 0, -1) if share % size == 0)
        return per_device, share // per_device


def launch(
    context: Context[Any],
    *,
    base: Path,
    examples: Path,
    train: dict[str, Any],
    seed: int,
    out: Path,
) -> None:
    """Trains a student in processes of its own; a killed run goes on from its last checkpoint.

    Args:
        context: the running stage.
        base: the model directory to start from.
        examples: `{prompt, completion}` per line.
        train: the resolved `student.train`.
        seed: of the training order and of new weights.
        out: where the student is written.

    Raises:
        StageError: the trainer failed.
    """
    hardware = Hardware.of(os.environ)
    per_device, accumulation = hardware.spread(train["batch_size"])
    config = {
        "base": str(base), "examples": str(examples), "train": train, "seed": seed, "out": str(out),
        "checkpoints": str(context.work / "checkpoints"), "loss": str(context.work / "loss.jsonl"), "facts": str(context.work / "facts.json"),
        "per_device_batch": per_device, "accumulation": accumulation,
        "checkpoint_seconds": float(os.environ.get("DATAENVGYM_CHECKPOINT_SECONDS", "60")),
    }  # fmt: skip
    path = context.work / "config.json"
    write_json(path, config)
    where = (
        ["--multi_gpu"]
        if hardware.gpus > 1
        else []
        if hardware.gpus
        else ["--cpu", *(["--multi_cpu"] if hardware.processes > 1 else [])]
    )
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1", "--num_processes", str(hardware.processes),
        "--mixed_precision", "no", "--dynamo_backend", "no", *where, "--module", "dataenvgym_spec.execute.training.trainer", str(path),
    ]  # fmt: skip
    parent = os.getpid()
    messages = context.work / "trainer.txt"
    environment = {**os.environ, EXECUTOR: str(parent), "TOKENIZERS_PARALLELISM": "false"}
    with context.phase("train"), messages.open("w", encoding="utf-8") as errors:
        # The only way to be asked of the kernel before the launcher runs; this process has no thread that could hold a lock.
        process = subprocess.Popen(
            command,
            env=environment,
            stderr=errors,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
        )
        code = process.wait()
    if code:
        raise StageError(
            f"the trainer failed: {_reason(messages, code)}",
            help=f"its messages are in {messages}; running again goes on from its last checkpoint",
        )
    (context.log / "loss.jsonl").write_bytes((context.work / "loss.jsonl").read_bytes())
    context.record(**read_json(context.work / "facts.json"), processes=hardware.processes)


def _reason(messages: Path, code: int) -> str:
    """The trainer's last words, less those of its launcher."""
    lines = [
        line.strip() for line in messages.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    words = [
        line
        for line in lines
        if "Error" in line
        and ":" in line
        and "CalledProcessError" not in line
        and not line.startswith("File ")
    ]
    return words[-1] if words else f"exit code {code}"
