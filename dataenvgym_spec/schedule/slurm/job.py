"""What a job of Slurm runs: a stage, from what the repository holds to its lock there, or a shard.

Before its time limit it is interrupted and, if it has got on, put back into the queue: it goes on
from its checkpoint. It is `python -m dataenvgym_spec.schedule.slurm.job ROOT STAGE EXPERIMENT`, and
for a shard its number and how many there are besides.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.schedule.parcels import node
from dataenvgym_spec.schedule.parcels.adopt import keep_answers, publish, refuse
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of, nodes_folder
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.schedule.slurm.commands import requeue
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.layout import Layout

GRACE: Final = 30.0
"""Seconds that a stage has to end after an interrupt."""
AGAIN: Final = 75
"""The exit code of a job that is put back into the queue."""


def outcome_file(layout: Layout, name: str) -> Path:
    """Where a job leaves what came of a stage, or of a shard of one."""
    return nodes_folder(layout) / "jobs" / f"{name}.outcome"


def main(root: Path, directory: str, experiment: str, shard: Shard | None = None) -> int:
    """Does a stage, or a shard of one; returns the exit code of the job."""
    layout = Layout(root=root)
    name = directory if shard is None else f"{directory}.{shard.name}"
    place = outcome_file(layout, name)
    place.unlink(missing_ok=True)
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, hear)
    began = time.time()
    try:
        packer = Packer(layout, home_of(layout, shared=True))
        parcel = packer.pack(directory, experiment or None, shard)
        outcome = _done(parcel.pack(), place, heard)
        if signal.SIGUSR1 in heard and outcome.code:
            return _again(layout, name, directory, place, began)
        if not outcome.code and shard is not None:
            keep_answers(layout, directory, shard, outcome.answers)
        elif not outcome.code:
            publish(layout, {directory: outcome}, shared=True)
        elif outcome.failure:
            refuse(layout, directory, outcome)
    except UserError as error:
        outcome = Outcome(code=error.exit_code, place=node.name(), said=error.message)
    if outcome.said:
        print(f"error: {outcome.said}", file=sys.stderr, flush=True)
    atomic.write_bytes(place, outcome.pack())
    return min(outcome.code, 1)


def _done(parcel: bytes, place: Path, heard: list[int]) -> Outcome:
    """What comes of a parcel in a process of its own, which a signal interrupts."""
    path = place.with_suffix(".parcel")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(parcel)
    path.with_suffix(".outcome").unlink(missing_ok=True)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", node.__name__, str(path), str(os.getpid())],
            # Warm workers gain nothing in a process that does one stage.
            env={**environment(), "DATAENVGYM_WARM": "0"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and not heard:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        if heard:
            _end(process)
        return _read(place, process.returncode)
    finally:
        path.unlink(missing_ok=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(place: Path, code: int) -> Outcome:
    try:
        return Outcome.unpack(place.read_bytes())
    except OSError:
        said = "the process of the stage was killed"
        return Outcome(code=code or 1, place=node.name(), fault=True, said=said)


def _again(layout: Layout, name: str, directory: str, place: Path, began: float) -> int:
    """Puts this job back into the queue if its stage has kept something of what it did."""
    place.unlink(missing_ok=True)
    number = os.environ.get("SLURM_JOB_ID", "")
    work = Layout(root=nodes_folder(layout) / name).scratch(directory) / "work"
    if _newest(work.rglob("*")) > began and requeue(number):
        print("  the time of the job is over: it goes on from its checkpoint", flush=True)
        # Slurm ends this process once it has put the job back.
        return AGAIN
    said = "the stage needs more time than a job has, and keeps nothing in between"
    help = "raise 'slurm.time' in hardware.yaml"
    outcome = Outcome(code=1, place=node.name(), said=f"{said}; {help}")
    print(f"error: {outcome.said}", file=sys.stderr, flush=True)
    atomic.write_bytes(place, outcome.pack())
    return 1


def _newest(paths: Iterable[Path]) -> float:
    newest = 0.0
    for path in paths:
        with suppress(OSError):
            newest = max(newest, path.stat().st_mtime)
    return newest


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[4:]]
    part = Shard(number=numbers[0], count=numbers[1]) if numbers else None
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], part))
