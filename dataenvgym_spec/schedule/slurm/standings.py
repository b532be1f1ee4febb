"""How jobs stand in Slurm: which run, where and for how long, and what the others wait for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.schedule.slurm import commands

FORMAT: Final = "--format=%i|%T|%M|%N|%r|%j"
FIELDS: Final = 6
WAITING: Final = frozenset(
    ("PENDING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED")
)
"""What Slurm says of a job that has not ended and does nothing now."""
NOTHING: Final = frozenset(("", "None", "(null)", "n/a"))
"""What it says where there is nothing to say."""
_TIME: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStanding:
    """A job, or a task of an array.

    Attributes:
        state: in Slurm's words; `commands.GONE` of one that it has forgotten.
        seconds: for how long it has been running, or ran; None while that is not known.
        nodes: on which, in Slurm's words; empty while it has none.
        reason: why it waits, in Slurm's words; empty if Slurm does not say.
        name: of the job.
    """

    state: str
    seconds: float | None = None
    nodes: str = ""
    reason: str = ""
    name: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in commands.LIVE

    @property
    def waits(self) -> bool:
        """Whether it has not ended, and does nothing now."""
        return self.state in WAITING


FORGOTTEN: Final = JobStanding(state=commands.GONE)


def standings(numbers: Iterable[str]) -> dict[str, JobStanding]:
    """How jobs and tasks stand, by their numbers.

    Raises:
        StageError: Slurm does not answer.
    """
    wanted = list(numbers)
    if not wanted:
        return {}
    # It complains where it has forgotten all that it is asked for, so all are listed.
    known = _listed("--states=all")
    return {number: known.get(number, FORGOTTEN) for number in wanted}


def standings_of(prefix: str) -> dict[str, JobStanding]:
    """How the jobs and tasks of this user stand whose name begins so, and that have not ended.

    Raises:
        StageError: Slurm does not answer.
    """
    rows = _listed().items()
    return {number: one for number, one in rows if one.name.startswith(prefix) and one.is_live}


def _listed(*options: str) -> dict[str, JobStanding]:
    rows = (row.split("|", FIELDS - 1) for row in commands.listed(FORMAT, *options))
    return {row[0]: _standing(*row[1:]) for row in rows if len(row) == FIELDS}


def _standing(state: str, time: str, nodes: str, reason: str, name: str) -> JobStanding:
    return JobStanding(
        state=state,
        seconds=elapsed(time),
        nodes="" if nodes in NOTHING else nodes,
        reason="" if reason in NOTHING else reason,
        name=name,
    )


def elapsed(text: str) -> float | None:
    """The seconds of a time as Slurm writes it; None of what is no time.

    >>> elapsed("1-02:03:04"), elapsed("3:04"), elapsed("INVALID")
    (93784.0, 184.0, None)
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
