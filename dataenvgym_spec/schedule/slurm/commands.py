"""Slurm's commands: `sbatch`, `squeue`, `scancel`, `scontrol`."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.setup.hardware.profile import SlurmCluster

NOTICE: Final = 120
"""Seconds before its time limit at which a job hears of it; checkpoints are a minute apart."""
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
MIB: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be submitted.

    Attributes:
        name: of the job.
        command: what it runs.
        output: the file that gets what it prints.
        needs: what it occupies.
        after: the jobs that have to be done before.
    """

    name: str
    command: Sequence[str]
    output: str
    needs: Needs
    after: Sequence[str] = ()


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
    script = f"#!/bin/sh\nexec {shlex.join(job.command)}\n"
    return _slurm("sbatch", *options(job, cluster), given=script).partition(";")[0]


def options(job: Job, cluster: SlurmCluster) -> list[str]:
    """The options of `sbatch` for a job."""
    found = ["--parsable", "--requeue", "--open-mode=append", f"--signal=B:USR1@{NOTICE}"]
    found += ["--nodes=1", "--ntasks=1", f"--cpus-per-task={job.needs.cpus}"]
    if job.needs.memory:
        found.append(f"--mem={-(-job.needs.memory // MIB)}M")
    if job.needs.gpus:
        found.append(f"--gres=gpu:{cluster.gpus or job.needs.gpus}")
    wanted = {
        "partition": cluster.partition,
        "account": cluster.account,
        "time": cluster.time,
        "container-image": cluster.container_image,
    }
    found += [f"--{name}={value}" for name, value in wanted.items() if value is not None]
    if job.after:
        # One that can never start would wait for ever.
        found += [f"--dependency=afterok:{':'.join(job.after)}", "--kill-on-invalid-dep=yes"]
    return [*found, f"--job-name={job.name}", f"--output={job.output}"]


def states(numbers: Iterable[str]) -> dict[str, str]:
    """What Slurm says of jobs: a state, or `GONE`.

    Raises:
        StageError: it does not answer.
    """
    wanted = list(numbers)
    if not wanted:
        return {}
    # It complains where it has forgotten all that it is asked for, so all are listed.
    rows = _slurm("squeue", "--me", "--noheader", "--states=all", "--format=%i %T").split("\n")
    known = dict(row.split(" ", 1) for row in rows if " " in row)
    return {number: known.get(number, GONE) for number in wanted}


def named(prefix: str) -> dict[str, str]:
    """The jobs of this user whose name begins so, by name; none of those that have ended.

    Raises:
        StageError: Slurm does not answer.
    """
    rows = _slurm("squeue", "--me", "--noheader", "--format=%i %T %j").split("\n")
    found = {}
    for row in rows:
        number, _, rest = row.partition(" ")
        state, _, name = rest.partition(" ")
        if name.startswith(prefix) and state != "COMPLETING":
            found[name] = number
    return found


def cancel(numbers: Iterable[str], *, now: bool) -> None:
    """Ends jobs.

    Args:
        numbers: the jobs.
        now: kill them; otherwise they have Slurm's `KillWait` to end.
    """
    wanted = list(numbers)
    if not wanted:
        return
    kill = ["--signal=KILL", "--full"] if now else []
    subprocess.run(["scancel", *kill, *wanted], capture_output=True, check=False)
    if now:  # one that waits hears no signal
        subprocess.run(["scancel", *wanted], capture_output=True, check=False)


def requeue(number: str) -> bool:
    """Has a job of this machine begin again; whether Slurm does so."""
    command = ["scontrol", "requeue", number]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def program(module: str, *arguments: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The command of a module of this package."""
    settings = [f"{name}={value}" for name, value in (environ or {}).items()]
    own = [sys.executable, "-P", "-m", module, *arguments]
    return ["env", *settings, *own] if settings else own


def _slurm(*command: str, given: str = "") -> str:
    result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if result.returncode:
        said = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        message = f"Slurm refuses: {command[0]}: {said[-1]}"
        raise StageError(message, help="see 'slurm' in hardware.yaml, and docs/clusters.md")
    return result.stdout.strip()
