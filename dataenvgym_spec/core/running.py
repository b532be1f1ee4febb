"""Which `dataenvgym run` a process belongs to.

The run announces itself in the environment of every process that it starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "DATAENVGYM_RUN"
LASTING: Final = "DATAENVGYM_LASTING"
"""The folder in which what a run keeps between stages works and logs: on machines of a cluster,
which make a repository for each stage and remove it. Elsewhere that is the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRun:
    """A `dataenvgym run`: the id of its process and the experiment that it runs."""

    process: int
    experiment: str


def announced(experiment: str) -> dict[str, str]:
    """The environment variable that announces the run of this process."""
    return {VARIABLE: f"{os.getpid()} {experiment}"}


def current(environ: Mapping[str, str]) -> CurrentRun | None:
    """The run that an environment announces; None under plain DVC.

    >>> current({"DATAENVGYM_RUN": "7 quickstart"})
    CurrentRun(process=7, experiment='quickstart')
    """
    process, _, experiment = environ.get(VARIABLE, "").partition(" ")
    if not process.isdecimal() or not experiment:
        return None
    return CurrentRun(process=int(process), experiment=experiment)
