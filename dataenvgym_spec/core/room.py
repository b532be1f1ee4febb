"""What this process may use of its machine: processors, GPUs and main memory.

In a container or a job of a cluster that is less than the machine has. Which models of them there
are is in `machine`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.machine import gpu_count

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
GIVEN: Final = "DATAENVGYM_CPUS"
"""The environment variable with the processors that a run has given to one of its stages."""
OF_A_JOB: Final = "SLURM_CPUS_PER_TASK"
"""Slurm's own, where a job has asked for some. Not all clusters hold processes to them."""
LEFT: Final = "DATAENVGYM_MEMORY_LEFT"
"""The environment variable with the bytes of main memory that no stage of a run needs, now that one
more starts: what is kept between stages may take them."""
_GROUPS: Final = Path("/sys/fs/cgroup")
_PROCESSES: Final = Path("/proc")
_MEMORY: Final = _PROCESSES / "meminfo"


def cpus_here(groups: Path = _GROUPS) -> int:
    """Processors that this process may use, by its affinity and its control group."""
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    # Version 2: "max 100000", or the microseconds of a period that may be used.
    quota, _, period = _first_line(groups / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        count = min(count, ceil(int(quota) / int(period)))
    return max(1, count)


def cpus_given(environ: Mapping[str, str]) -> int:
    """Processors that a stage may use: those that it was given, as far as they are here.

    Args:
        environ: of the stage.
    """
    there = cpus_here()
    for name in (GIVEN, OF_A_JOB):
        text = environ.get(name, "")
        if text.isdecimal() and int(text):
            return min(int(text), there)
    return there


def memory_here(groups: Path = _GROUPS, memory: Path = _MEMORY) -> int | None:
    """Bytes of main memory that this process may use; None where it cannot be told."""
    found = []
    kilobytes = _first_line(memory).split()
    if len(kilobytes) > 1 and kilobytes[1].isdigit():
        found.append(int(kilobytes[1]) * 1024)
    for limit in (groups / "memory.max", groups / "memory" / "memory.limit_in_bytes"):
        line = _first_line(limit)
        if line.isdigit():
            found.append(int(line))
    return min(found, default=None)


def memory_left(environ: Mapping[str, str]) -> int | None:
    """Bytes of main memory that no stage needs which runs; None where nobody has said it.

    Args:
        environ: of a stage that starts.
    """
    text = environ.get(LEFT, "")
    return int(text) if text.isdecimal() else None


def memory_of(process: int, processes: Path = _PROCESSES) -> int:
    """Bytes of main memory that a process has, and those that it has started.

    Of what several processes share each has its part. Of one that is gone, nothing.
    """
    folder = processes / str(process)
    taken = 0
    try:
        for line in (folder / "smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                taken = int(rest.split()[0]) * 1024
        children = [(one / "children").read_text() for one in (folder / "task").iterdir()]
    except OSError:
        return 0
    below = [int(child) for text in children for child in text.split()]
    return taken + sum(memory_of(child, processes) for child in below)


def gpus_here(environ: Mapping[str, str]) -> int:
    """How many GPUs this machine lets a process with some environment see."""
    found, named = gpu_count(), gpus_named(environ)
    return found if named is None else min(found, len(named))


def gpus_named(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """The GPUs that an environment names one by one; None where it leaves all of them visible.

    >>> gpus_named({"CUDA_VISIBLE_DEVICES": "0, 2"}), gpus_named({"CUDA_VISIBLE_DEVICES": ""})
    (('0', '2'), ())
    """
    if VISIBLE not in environ:
        return None
    names = (name.strip() for name in environ[VISIBLE].split(","))
    return tuple(name for name in names if name not in {"", "-1"})


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""
