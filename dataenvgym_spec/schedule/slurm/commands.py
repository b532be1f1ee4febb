"""Slurm's commands: `sbatch`, `squeue`, `scancel`, `scontrol`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.slurm import containers
from dataenvgym_spec.schedule.slurm.arrays import Place
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.setup.hardware.sbatch import NOTICE, requested

LIVE: Final = frozenset(
    (
        *("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "RESIZING"),
        *("REQUEUE_HOLD", "REQUEUE_FED", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED"),
    )
)
"""What Slurm says of a job that has not ended."""
FAULTS: Final = frozenset(("BOOT_FAIL", "NODE_FAIL", "PREEMPTED"))
"""What it says of one that the machine failed."""
GONE: Final = "GONE"
"""Of a job that it has forgotten, which it does minutes after the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be submitted.

    Attributes:
        name: of the job.
        command: what it runs.
        output: the file that gets what it prints.
        needs: what it occupies; of an array each task.
        dependency: the jobs that have to be done before, in Slurm's words; empty for none.
        tasks: the numbers of its tasks, if it is an array.
        folder: in which a job in a container hears from its node.
    """

    name: str
    command: Sequence[str]
    output: str
    needs: Needs
    dependency: str = ""
    tasks: Sequence[int] = ()
    folder: str = "."


def require_slurm() -> None:
    """Checks that Slurm's commands are here.

    Raises:
        UserError: they are not.
    """
    if shutil.which("sbatch") is None:
        message = "Slurm's commands are not on this machine: there is no 'sbatch'"
        raise UserError(message, help="run it on a login node of the cluster")


def submit(job: Job, cluster: SlurmCluster) -> str:
    """Submits a job; returns its number.

    Raises:
        StageError: Slurm refuses it.
    """
    needs, cluster = allotted(job.needs, cluster)
    script = containers.script(job.command, cluster, needs, job.folder)
    wanted = options(replace(job, needs=needs), cluster)
    return _slurm("sbatch", *wanted, given=script).partition(";")[0]


def allotted(needs: Needs, cluster: SlurmCluster) -> tuple[Needs, SlurmCluster]:
    """What a job gets, which is no less than the user wants, and what holds for it."""
    holds = cluster.for_light() if needs.light else cluster
    cpus, memory = max(needs.cpus, holds.cpus or 0), max(needs.memory, holds.memory or 0)
    return replace(needs, cpus=cpus, memory=memory), holds


def options(job: Job, cluster: SlurmCluster) -> list[str]:
    """The options of `sbatch` for a job.

    Args:
        job: with what it gets as its needs.
        cluster: what holds for it.
    """
    needs = job.needs
    found = ["--parsable", "--requeue", "--open-mode=append", f"--signal=B:USR1@{NOTICE}"]
    found += requested(
        cluster,
        cpus=needs.cpus,
        gpus=needs.gpus,
        memory=needs.memory,
        machines=needs.machines,
    )
    if job.tasks:
        found.append(f"--array={ranges(job.tasks)}")
    if job.dependency:
        # One that can never start would wait for ever.
        found += [f"--dependency={job.dependency}", "--kill-on-invalid-dep=yes"]
    return [*found, f"--job-name={job.name}", f"--output={job.output}"]


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as Slurm writes those of tasks.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0-2,5,7-8'
    """
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number])
    return ",".join("-".join(map(str, part)) for part in found)


def most_tasks() -> int:
    """How many tasks an array can have.

    Raises:
        StageError: Slurm does not answer.
    """
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", _slurm("scontrol", "show", "config"))
    # The greatest number of a task is one less than that.
    return int(found[1]) if found else 1


def named(prefix: str, *, completing: bool = False) -> dict[str, str]:
    """The jobs and tasks of this user whose name begins so, with their names; none that has ended.

    Args:
        prefix: of their names.
        completing: whether those count that are about to end, or to be put back.

    Raises:
        StageError: Slurm does not answer.
    """
    found = {}
    for row in listed("--format=%i %T %j"):
        number, _, rest = row.partition(" ")
        state, _, name = rest.partition(" ")
        if name.startswith(prefix) and (completing or state != "COMPLETING"):
            found[number] = name
    return found


def listed(*options: str) -> list[str]:
    """The rows of `squeue` for this user, one for each task."""
    return _slurm("squeue", "--me", "--noheader", "--array", *options).split("\n")


def cancel(places: Iterable[Place], *, now: bool) -> None:
    """Ends jobs and tasks.

    Args:
        places: which.
        now: kill them; otherwise they have Slurm's `KillWait` to end.
    """
    wanted = _shortly(places)
    if not wanted:
        return
    kill = ["--signal=KILL", "--full"] if now else []
    subprocess.run(["scancel", *kill, *wanted], capture_output=True, check=False)
    if now:  # one that waits hears no signal
        subprocess.run(["scancel", *wanted], capture_output=True, check=False)


def _shortly(places: Iterable[Place]) -> list[str]:
    """Jobs and tasks as Slurm's commands take them, the tasks of an array in one word."""
    jobs: dict[str, list[int]] = {}
    for place in sorted(places):
        tasks = jobs.setdefault(place.job, [])
        if place.task is not None:
            tasks.append(place.task)
    return [f"{job}_[{ranges(tasks)}]" if tasks else job for job, tasks in jobs.items()]


def own_number(environ: Mapping[str, str]) -> str:
    """The number of the job, or of the task, that a process belongs to.

    A task has a number of a job besides, which for the last task of an array is that of the array.

    >>> own_number({"SLURM_JOB_ID": "3", "SLURM_ARRAY_JOB_ID": "3", "SLURM_ARRAY_TASK_ID": "2"})
    '3_2'
    """
    array = environ.get("SLURM_ARRAY_JOB_ID")
    if array is None:
        return environ.get("SLURM_JOB_ID", "")
    return f"{array}_{environ['SLURM_ARRAY_TASK_ID']}"


def requeue(number: str) -> bool:
    """Has a job or a task of this machine begin again; whether Slurm does so."""
    command = ["scontrol", "requeue", number]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def program(
    module: str,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> list[str]:
    """The command of a module of this package."""
    settings = [f"{name}={value}" for name, value in (environ or {}).items()]
    own = [python, "-P", "-m", module, *arguments]
    return ["env", *settings, *own] if settings else own


def _slurm(*command: str, given: str = "") -> str:
    result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if result.returncode:
        said = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        message = f"Slurm refuses: {command[0]}: {said[-1]}"
        raise StageError(message, help="see 'slurm' in hardware.yaml, and docs/clusters.md")
    return result.stdout.strip()
