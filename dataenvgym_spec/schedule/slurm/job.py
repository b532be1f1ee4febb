"""What a job of Slurm runs: a stage, from what the repository holds to its lock there, or a shard.

Before its time limit it is interrupted and, if it has got on, put back into the queue: it goes on
from its checkpoint. It is `python -m dataenvgym_spec.schedule.slurm.job ROOT STAGE EXPERIMENT`, and
for a shard its number and how many there are besides.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

from msgspec.structs import replace as changed

from dataenvgym_spec.core.errors import UserError, refused
from dataenvgym_spec.core.faults import is_fault
from dataenvgym_spec.gym.students.trainers.checkpoints import FOLDER, mark_of, whole_checkpoints
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.schedule.parcels import node
from dataenvgym_spec.schedule.parcels.adopt import keep_answers, publish, refuse
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of, nodes_folder
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel
from dataenvgym_spec.schedule.parcels.together import told
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.schedule.slurm.commands import own_number, requeue
from dataenvgym_spec.schedule.slurm.containers import AGAIN, CONTAINED, is_over
from dataenvgym_spec.schedule.slurm.others import Others, address, machines
from dataenvgym_spec.setup.hardware.reading import applied
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.journal import answered
from dataenvgym_spec.store.layout import ANSWERS, KEPT, Layout
from dataenvgym_spec.store.place import journal_file

GRACE: Final = 30.0
"""Seconds that a stage has to end after an interrupt."""
ENDED: Final = "the job was ended by SIGTERM: for another job, or with its node"


def outcomes_folder(layout: Layout, name: str) -> Path:
    """Where jobs leave what came of a stage, or of a shard of one."""
    return nodes_folder(layout) / "jobs" / name


def outcome_file(layout: Layout, name: str, environ: Mapping[str, str]) -> Path:
    """Where this attempt at a work leaves what came of it.

    Each has a file of its own. A job that Slurm took for dead, and has begun again elsewhere, may
    wake: what it says then is not what the later attempt has said.
    """
    attempt = int(environ.get("SLURM_RESTART_COUNT", "0"))
    return outcomes_folder(layout, name) / f"{own_number(environ)}.{attempt}.outcome"


def outcome_of(layout: Layout, name: str, number: str) -> Outcome | None:
    """What came of a work in the last attempt of a job; None as long as that does not say.

    Args:
        layout: the repository.
        name: of the work.
        number: of the job.
    """
    pattern = re.compile(rf"{re.escape(number)}\.(\d+)\.outcome")
    attempts = {}
    with suppress(OSError):
        for path in outcomes_folder(layout, name).iterdir():
            if match := pattern.fullmatch(path.name):
                attempts[int(match[1])] = path
    if not attempts:
        return None
    try:
        return Outcome.unpack(attempts[max(attempts)].read_bytes())
    except (OSError, UserError):
        return None


def main(root: Path, directory: str, experiment: str, shard: Shard | None = None) -> int:
    """Does a stage, or a shard of one; returns the exit code of the job."""
    layout = Layout(root=root)
    name = directory if shard is None else f"{directory}.{shard.name}"
    place = outcome_file(layout, name, os.environ)
    place.unlink(missing_ok=True)
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, hear)
    own = Layout(root=nodes_folder(layout) / name)
    before = _kept(own, directory)
    try:
        # The stage is done in a repository without the user's profile.
        with applied(root, os.environ):
            packer = Packer(layout, home_of(layout, shared=True))
            outcome = _done(packer.pack(directory, experiment or None, shard), place, heard)
        if signal.SIGUSR1 in heard and outcome.code:
            got_on = not _kept(own, directory) <= before or _answers(layout, directory, place)
            return _again(place, got_on=got_on)
        if signal.SIGTERM in heard and outcome.code:
            outcome = changed(outcome, fault=True, said=ENDED)
        if not outcome.code and shard is not None:
            keep_answers(layout, directory, shard, outcome.answers)
        elif not outcome.code:
            publish(layout, {directory: outcome}, shared=True)
        elif outcome.failure:
            with suppress(OSError):  # the outcome says that it has failed
                refuse(layout, directory, outcome)
    except Exception as error:
        outcome = node.failed_by(error)
    return _ended(place, outcome)


def _ended(place: Path, outcome: Outcome) -> int:
    """Leaves what came of this job, and says it; returns the exit code of the job."""
    if outcome.said:
        print(f"error: {outcome.said}", file=sys.stderr, flush=True)
    try:
        atomic.write_bytes(place, outcome.pack())
    except OSError as error:
        # A job without an answer is taken for one that the machine has failed.
        print(f"error: {refused(error).message}", file=sys.stderr, flush=True)
        return 1
    return min(outcome.code, 1)


def _done(parcel: Parcel, place: Path, heard: list[int]) -> Outcome:
    """What comes of a parcel in a process of its own, which a signal interrupts."""
    # The process of the stage says what came of it to this one alone.
    path = place.with_suffix(".stage.parcel")
    said = path.with_suffix(".outcome")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(parcel.pack())
    said.unlink(missing_ok=True)
    # Warm workers gain nothing in a process that does one stage.
    environ, nodes = {**environment(), "DATAENVGYM_WARM": "0"}, machines(os.environ)
    helpers: Others | None = None
    try:
        if nodes > 1:
            environ |= told(nodes, address(os.environ), parcel.defaults)
            helpers = Others(parcel, nodes)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", node.__name__, str(path), str(os.getpid())],
            env=environ,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        lost = _waited(process, helpers, heard)
        outcome = _read(said, process.returncode)
        return lost if lost is not None and outcome.code else outcome
    finally:
        if helpers is not None:
            helpers.end()
        path.unlink(missing_ok=True)
        said.unlink(missing_ok=True)


def _waited(
    process: subprocess.Popen[bytes], helpers: Others | None, heard: list[int]
) -> Outcome | None:
    """Waits for a stage, and ends it at a signal, or when another node is no longer with it.

    Returns:
        What is to be said if that is why it has failed.
    """
    since, given_up = 0.0, False
    while process.poll() is None and not heard:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        if is_over(os.environ):
            heard.append(signal.SIGUSR1)
        if helpers is None or helpers.code is None:
            continue
        since = since or time.monotonic()
        if time.monotonic() - since > GRACE:
            given_up = True
            break
    if process.poll() is None:
        _end(process)
    if helpers is None or helpers.code is None or heard:
        return None
    # What `srun` says of a node that is gone is 0; of a process that was killed, a signal.
    fault = is_fault(helpers.code) or (given_up and not helpers.code)
    if not (fault or given_up):  # it failed because the stage did, which says why
        return None
    said = f"another node of the job takes part no longer: exit code {helpers.code}"
    return Outcome(code=1, place=node.name(), fault=fault, said=said)


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
        return node.unanswered(code)


def _again(place: Path, *, got_on: bool) -> int:
    """Puts this job back into the queue if its stage has got on in it."""
    place.unlink(missing_ok=True)
    if got_on and (CONTAINED in os.environ or requeue(own_number(os.environ))):
        print("  the time of the job is over: it goes on from its checkpoint", flush=True)
        # Slurm ends this process once it has put the job back.
        return AGAIN
    said = "the stage needs more time than a job has, and has kept nothing of what this one did"
    help = "raise 'slurm.time' in hardware.yaml"
    return _ended(place, Outcome(code=1, place=node.name(), said=f"{said}; {help}"))


def _kept(layout: Layout, directory: str) -> frozenset[str]:
    """What a stage has kept, by names that nothing else has: checkpoints and a student's answers.

    By their names and not by times: the clock of a file server is another one, and each attempt
    writes files before it trains.
    """
    work, shards = layout.scratch(directory) / "work", layout.shards(directory)
    training = work / FOLDER
    kept = [work / KEPT, *shards.glob(f"*.{KEPT}")]
    found = {path.name for folder in kept for path in folder.glob(f"*{ANSWERS}")}
    with suppress(OSError):
        mark = mark_of(training).read_text(encoding="utf-8")
        found |= {f"{mark} {path.name}" for path in whole_checkpoints(training)}
    return frozenset(found)


def _answers(layout: Layout, directory: str, place: Path) -> bool:
    """Whether teachers have answered a stage what they had not in the attempts before.

    What those had is kept beside the outcomes: where each attempt has a journal of its own, on
    another node or in a container, it may be asked for again and again.
    """
    known = place.parent / "answered"
    try:
        stage = read_json(layout.stage(directory) / "stage.json")["key"]
        with applied(layout.root, os.environ):
            now = answered(journal_file(os.environ), stage)
        before = set(known.read_text(encoding="utf-8").split()) if known.is_file() else set()
        atomic.write(known, "\n".join(sorted(before | now)))
    except (OSError, UserError, LookupError):
        return False
    return not now <= before


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[4:]]
    part = Shard(number=numbers[0], count=numbers[1]) if numbers else None
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], part))
