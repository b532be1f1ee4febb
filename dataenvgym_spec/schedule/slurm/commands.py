"""Slurm's commands: `sbatch`, `squeue`, `scancel`, `scontrol`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
FAULTS: Final = frozenset(("BOOT_FAIL", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"))
"""What it says of one that the machine failed, and not its stage."""
OVER: Final = frozenset(("DEADLINE", "TIMEOUT"))
"""What it says of one that has had its time."""
GONE: Final = "GONE"
"""Of a job that it has forgotten, which it does minutes after the end."""
PATIENCE: Final = 60.0
"""Seconds that a command may take. By itself it waits 10 for the controller (`MessageTimeout`)."""
RETRIES: Final = "retrying"
"""Ends what `sbatch` says before it waits, for two minutes in all, instead of coming back."""
_UNANSWERED: Final = re.compile(
    "Unable to contact slurm controller|standby mode|Socket timed out|Zero Bytes were transmitted|"
    "(Communication|Message) [a-z]+ failure|Connection (refused|reset|timed out)|"
    "Resource temporarily unavailable|temporarily disabled"
)
"""How Slurm says that its controller is away, or has no time."""
_FULL: Final = re.compile("job queue full|Unable to create job record|unable to accept job")
"""How it says that there are `MaxJobCount` jobs."""
_POLICY: Final = re.compile("job submit limit")
"""How it says that an account or QOS may not have such a job, or not as many."""


class Unanswered(StageError):
    """Slurm does not answer now; nothing is known of the works, and nothing is wrong with them."""


class Full(StageError):
    """Slurm takes no more jobs now."""


class NotAllowed(Full):
    """An account or QOS may have no more jobs now, or never such a one: Slurm has one message."""


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
        Full: there is no room for it now.
        Unanswered: Slurm cannot be asked now. It may have taken the job nevertheless.
        StageError: Slurm refuses it.
    """
    needs, cluster = allotted(job.needs, cluster)
    script = containers.script(job.command, cluster, needs, job.folder)
    wanted = options(replace(job, needs=needs), cluster)
    return _sbatch(wanted, script).partition(";")[0]


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
        Unanswered: Slurm does not answer.
        StageError: it refuses to.
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
        Unanswered: Slurm does not answer.
        StageError: it refuses to.
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


def is_used() -> bool:
    """Whether this user has any jobs in Slurm, of whatever program."""
    return bool("".join(listed("--format=%i")))


def cancel(places: Iterable[Place], *, now: bool) -> bool:
    """Ends jobs and tasks.

    Args:
        places: which.
        now: kill them; otherwise they have Slurm's `KillWait` to end.

    Returns:
        Whether Slurm has heard of it.
    """
    wanted = _shortly(places)
    if not wanted:
        return True
    kill = ["--signal=KILL", "--full"] if now else []
    heard = _scancel(*kill, *wanted)
    # One that waits hears no signal.
    return _scancel(*wanted) and heard if now else heard


def _scancel(*arguments: str) -> bool:
    """Whether Slurm has heard it; that a job has ended already is no reason to say it again."""
    try:
        _slurm("scancel", *arguments)
    except Unanswered:
        return False
    except StageError:
        return True
    return True


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


def _slurm(*command: str) -> str:
    """What a command of Slurm says.

    Raises:
        Unanswered: Slurm cannot be asked now.
        StageError: it refuses.
    """
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise _refusal(command[0], "", None) from None
    if result.returncode:
        raise _refusal(command[0], result.stderr, result.returncode)
    return result.stdout.strip()


def _sbatch(options: Sequence[str], script: str) -> str:
    """What `sbatch` says of a script; it is ended as soon as it waits instead.

    Raises:
        Full: there is no room for the job now.
        Unanswered: Slurm cannot be asked now.
        StageError: it refuses the job.
    """
    said, waits = "", False
    with subprocess.Popen(
        ["sbatch", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        try:
            with suppress(BrokenPipeError):  # it says why
                process.stdin.write(script)
                process.stdin.close()
            for line in process.stderr:
                said += line
                if RETRIES in line and not waits:
                    waits = True
                    process.kill()
            answer = process.stdout.read().strip()
        finally:
            timer.cancel()
    if process.returncode:
        raise _refusal("sbatch", said, process.returncode)
    return answer


def _refusal(command: str, said: str, code: int | None) -> StageError:
    """Why a command has failed.

    Args:
        command: its name.
        said: its standard error.
        code: its exit code, which is negative if a signal has ended it; None if it took too long.
    """
    lines = said.strip().splitlines() or [f"exit code {code}"]
    help = "see 'slurm' in hardware.yaml, and docs/clusters.md"
    if _POLICY.search(said):
        return NotAllowed(f"Slurm refuses: {command}: {lines[-1]}", help=help)
    if _FULL.search(said):
        return Full(f"Slurm takes no more jobs now: {command}: {lines[-1]}", help=help)
    if code is None:
        lines = [f"no answer in {PATIENCE:.0f} seconds"]
    # Ctrl-C at the terminal ends it, too.
    if code is None or code < 0 or _UNANSWERED.search(said):
        return Unanswered(f"Slurm does not answer: {command}: {lines[-1]}", help=help)
    return StageError(f"Slurm refuses: {command}: {lines[-1]}", help=help)
