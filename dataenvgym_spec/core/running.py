"""Under which `dataenvgym run` a process works, as the run tells all it starts through the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "DATAENVGYM_RUN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A `dataenvgym run`: its process, and the experiment it makes."""

    process: int
    experiment: str


def announced(experiment: str) -> dict[str, str]:
    """The variable by which this process tells what it runs."""
    return {VARIABLE: f"{os.getpid()} {experiment}"}


def current(environ: Mapping[str, str]) -> Run | None:
    """The run that an environment tells of; None under plain DVC.

    >>> current({"DATAENVGYM_RUN": "7 quickstart"})
    Run(process=7, experiment='quickstart')
    """
    process, _, experiment = environ.get(VARIABLE, "").partition(" ")
    return (
        Run(process=int(process), experiment=experiment)
        if process.isdecimal() and experiment
        else None
    )
