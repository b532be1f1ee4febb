"""How a `dataenvgym run` stands that runs stages side by side, for who looks on from elsewhere."""

from __future__ import annotations

from typing import Literal

from dataenvgym_spec.records.record import Record

End = Literal["done", "failed", "stopped"]
On = Literal["local", "ray", "slurm"]


class RunningWork(Record, frozen=True, kw_only=True):
    """A work that runs.

    Attributes:
        title: what a person calls it, with its experiment.
        started: seconds since the epoch.
        expected: seconds that it may take.
        place: the machine; empty where all of the run is done on its own.
        output: the file with what it prints, from the repository.
    """

    title: str
    started: float
    expected: float
    place: str = ""
    output: str = ""


class WaitingWork(Record, frozen=True, kw_only=True):
    """A work that was handed to a cluster and does not run yet.

    Attributes:
        title: what a person calls it, with its experiment.
        since: seconds since the epoch.
        reason: what it waits for.
    """

    title: str
    since: float
    reason: str


class FailedWork(Record, frozen=True, kw_only=True):
    """A work that failed, why, and on which machine."""

    title: str
    message: str
    output: str = ""
    place: str = ""


class RunState(Record, frozen=True, kw_only=True):
    """A run: `.dataenvgym/run.json`.

    Attributes:
        names: the experiments, or the sweep.
        process: the driver.
        started: seconds since the epoch.
        updated: the same, when this was written.
        total: steps in all, with those that were done before.
        done: how many are done.
        before: how many of them were done before.
        skipped: how many will not be started.
        running: what runs, the oldest first.
        queued: what waits on a cluster, the longest first.
        all_running: how many run, where there are more than are listed.
        all_queued: how many wait on a cluster.
        waiting: what comes next.
        failed: what has failed.
        seconds_left: about as many remain; None while nobody knows.
        usd: US dollars that the run has spent so far, as far as is known.
        unpriced: how many works run of which nobody knows yet what they have cost.
        ending: whether the user has asked it to end.
        ended: how it has ended; None while it goes on.
        command: the words that started it, and take it up again.
        on: where its stages run.
    """

    names: tuple[str, ...]
    process: int
    started: float
    updated: float
    total: int
    done: int
    before: int = 0
    skipped: int = 0
    running: tuple[RunningWork, ...] = ()
    queued: tuple[WaitingWork, ...] = ()
    all_running: int = 0
    all_queued: int = 0
    waiting: tuple[str, ...] = ()
    failed: tuple[FailedWork, ...] = ()
    seconds_left: float | None = None
    usd: float = 0.0
    unpriced: int = 0
    ending: bool = False
    ended: End | None = None
    command: tuple[str, ...] = ()
    on: On = "local"
