"""What `slurm` of a hardware profile means in `sbatch`'s options. Pure: Slurm itself is not asked.

Which jobs there are, and what each needs, is in `schedule.slurm`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.setup.hardware.profile import SlurmCluster

NOTICE: Final = 120
"""Seconds before its time limit at which a job hears of it; checkpoints are a minute apart."""
MIB: Final = 2**20
SAID: Final[dict[str, str]] = {
    "partition": "slurm.partition",
    "account": "slurm.account",
    "time": "slurm.time",
    "cpus-per-task": "slurm.cpus",
    "mincpus": "slurm.cpus",
    **dict.fromkeys(("mem", "mem-per-cpu", "mem-per-gpu"), "slurm.memory"),
    "gres": "slurm.gpus and slurm.gpu_type",
    "gpus": "slurm.gpus and slurm.gpu_type",
    **dict.fromkeys(("gpus-per-node", "gpus-per-socket", "gpus-per-task"), "slurm.gpus"),
    **dict.fromkeys(("cpus-per-gpu", "ntasks-per-gpu"), "slurm.cpus"),
    "nodes": "training.num_machines",
}
"""Options of `sbatch` that other keys of the profile say, and which."""
OWN: Final = frozenset(
    (
        *("ntasks", "ntasks-per-node", "ntasks-per-core", "ntasks-per-socket", "tasks-per-node"),
        *("array", "dependency", "kill-on-invalid-dep", "job-name", "output", "error", "open-mode"),
        *("parsable", "requeue", "no-requeue", "signal", "wait", "wrap", "test-only"),
        *("clusters", "help", "usage", "version"),
    )
)
"""Those that the run itself sets, or that would have jobs be no jobs of the run."""

LONG: Final = re.compile(r"[a-z][a-z0-9]+(-[a-z0-9]+)*$")


def requested(
    cluster: SlurmCluster, *, cpus: int = 1, gpus: int = 0, memory: int = 0, machines: int = 1
) -> list[str]:
    """The options by which a job gets what it needs, and where the user wants it.

    >>> requested(SlurmCluster(partition="long", gpu_type="a100"), gpus=2)[-2:]
    ['--gres=gpu:a100:2', '--partition=long']

    Args:
        cluster: what the profile says that holds for the job.
        cpus: on each machine.
        gpus: on each machine.
        memory: bytes on each machine; 0 where nobody knows.
        machines: how many there are.
    """
    found = [f"--nodes={machines}", f"--ntasks={machines}", f"--cpus-per-task={cpus}"]
    if machines > 1:
        found.append("--ntasks-per-node=1")
    if memory:
        found.append(f"--mem={-(-memory // MIB)}M")
    if gpus:
        kind = "gpu" if cluster.gpu_type is None else f"gpu:{cluster.gpu_type}"
        found.append(f"--gres={kind}:{gpus}")
    named = {"partition": cluster.partition, "account": cluster.account, "time": cluster.time}
    found += [f"--{name}={value}" for name, value in named.items() if value is not None]
    return [*found, *_free(cluster)]


def beyond(cluster: SlurmCluster, *, processes: int, split: int) -> Iterator[tuple[str, int]]:
    """The keys of a profile that take more GPUs than a node has, and how many.

    >>> dict(beyond(SlurmCluster(gpus=2), processes=4, split=1))
    {'training.processes': 4}

    Args:
        cluster: what the profile says; where it says no GPUs nothing is held against it.
        processes: that train on each machine.
        split: GPUs over which a model is split that generates.
    """
    if cluster.gpus is None:
        return
    if cluster.gpus and processes > cluster.gpus:  # without any they train on processors
        yield "training.processes", processes
    if split > max(1, cluster.gpus):
        yield "generation.tensor_parallel", split


def _free(cluster: SlurmCluster) -> Iterator[str]:
    """What the user says in `sbatch`'s own words; a switch that is off is not said."""
    for name, value in sorted((cluster.options or {}).items()):
        if value is True:
            yield f"--{name}"
        elif value is not False:
            yield f"--{name}={value}"


def not_free(profile: Node) -> Iterator[Diagnostic]:
    """A finding for each of the free options that is none, or that the run sets by itself.

    Args:
        profile: the tree of a profile.
    """
    for path in (("slurm", "options"), ("slurm", "light", "options")):
        part = profile.find(*path)
        if part is None or not isinstance(part.value, dict):
            continue
        for name, value in part.value.items():
            yield from _fault(str(name), value)


def _fault(name: str, value: Node) -> Iterator[Diagnostic]:
    if not LONG.match(name):
        message = f"'{name}' is no long option of sbatch"
        help = "write its long name without dashes before it, such as qos for -q"
        yield value.key_fault("E106", message, help)
        return
    # sbatch takes options by their beginnings, too.
    meant = [option for option in (*SAID, *sorted(OWN)) if option.startswith(name)]
    if meant:
        help = f"remove it: the run says {meant[0]} itself"
        if meant[0] in SAID:
            help = f"say it by {SAID[meant[0]]}"
        yield value.key_fault("E106", f"'{name}' is set by the run for each job", help)


def too_short(cluster: SlurmCluster) -> Iterator[tuple[str, str | int]]:
    """The time limits that leave a job no time, by their keys.

    >>> from dataenvgym_spec.setup.hardware.profile import LightJobs
    >>> dict(too_short(SlurmCluster(time="2:00", light=LightJobs(time=10))))
    {'slurm.time': '2:00'}
    """
    limits = {"slurm.time": cluster.time}
    if cluster.light is not None:
        limits["slurm.light.time"] = cluster.light.time
    for name, time in limits.items():
        if time is not None and seconds_of(time) <= NOTICE:
            yield name, time


def seconds_of(time: str | int) -> int:
    """A time limit in seconds.

    >>> [seconds_of(text) for text in (2, "4:30", "1:00:00", "1-12", "1-12:30", "2-0:0:30")]
    [120, 270, 3600, 129600, 131400, 172830]
    """
    days, _, rest = str(time).rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    # With days the first is hours; without, one or two are minutes, and three begin with hours.
    if not days and len(parts) < 3:
        parts = [0, *parts]
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds
