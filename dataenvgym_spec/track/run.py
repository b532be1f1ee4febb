"""Tracking as one act: results to records to a server, one projector at a time in a clone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.setup.hardware.leases import clone_lock
from dataenvgym_spec.store.indexes import compiled
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track.address import is_database
from dataenvgym_spec.track.changes import Changes
from dataenvgym_spec.track.links import view_page
from dataenvgym_spec.track.mlflow import Server, connect
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.refusals import Forbidden, Overtaken
from dataenvgym_spec.track.runs import ExperimentRecord
from dataenvgym_spec.track.sync import sync, verify

T = TypeVar("T")

AGAIN: Final = 2
"""How often results, or runs, that have changed meanwhile are looked at anew."""
PAUSE: Final = 0.5
"""Seconds until then: what DVC replaces is there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What tracking came to.

    Attributes:
        runs: how many runs the experiments have.
        created: how many of them were made.
        removed: how many others were taken away.
        logged: how many values were added; 0 when everything was there.
        uri: the server, without a password.
        pages: the first view of each experiment, relative to where the server's pages are.
        server: whether `uri` is a server, with pages, and no database.
    """

    runs: int
    created: int
    removed: int
    logged: int
    uri: str
    pages: tuple[str, ...]
    server: bool


def names_of(layout: Layout) -> list[str]:
    """Every compiled experiment.

    Raises:
        UserError: there is none.
    """
    names = compiled(layout)
    if not names:
        raise UserError("no experiment is compiled here yet", help="run: dataenvgym compile")
    return names


def track(
    layout: Layout,
    names: Sequence[str],
    *,
    thorough: bool = False,
    say: Callable[[str], None] = lambda _: None,
    changes: Changes | None = None,
) -> Tracked:
    """Brings the tracking server up to date with experiments. Doing it again changes nothing.

    Args:
        layout: the repository.
        names: compiled experiments.
        thorough: also read every curve and file of runs that say that they are complete.
        say: told when another process is waited for.
        changes: counts what is changed, for who wants to know that of what then fails.

    Raises:
        UserError: an experiment is not compiled, or a result is damaged.
        MissingExtra: mlflow is not installed.
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    changes = changes or Changes()
    with _opened(layout, names, say) as (server, records):
        bring = partial(sync, server, changes=changes, thorough=thorough)
        homes = [_in_step(layout, record, bring) for record in records]
    pages = [
        view_page(home, record.views[0][0]) for home, record in zip(homes, records, strict=True)
    ]
    return Tracked(
        runs=sum(len(record.runs) for record in records),
        created=changes.created,
        removed=changes.removed,
        logged=changes.logged,
        uri=server.shown,
        pages=tuple(dict.fromkeys(pages)),
        server=not is_database(server.uri),
    )


def differences(
    layout: Layout, names: Sequence[str], *, say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """What differs between the tracking server and the results, a line each. Changes nothing.

    Raises:
        UserError: an experiment is not compiled, or a result is damaged.
        MissingExtra: mlflow is not installed.
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    with _opened(layout, names, say) as (server, records):
        found = [_in_step(layout, record, partial(verify, server)) for record in records]
    return [line for lines in found for line in lines]


@contextmanager
def _opened(
    layout: Layout, names: Sequence[str], say: Callable[[str], None]
) -> Iterator[tuple[Server, list[ExperimentRecord]]]:
    """The tracking server and what it should hold of experiments, for one process at a time.

    Searching for a run and making it if there is none are two steps: without the lock, two
    projectors make two runs.
    """

    def waiting(holder: str) -> None:
        say(f"waiting for {holder or 'another process'}, which is tracking")

    with clone_lock(layout, "track", waiting=waiting):
        records = [_record(layout, name) for name in names]
        yield connect(layout), records


def _record(layout: Layout, name: str) -> ExperimentRecord:
    """What the results of an experiment say, which DVC may be replacing while they are read.

    Raises:
        UserError: it is not compiled, or a result is damaged, or gone each time.
    """
    # One that is not compiled will not be so in a moment either.
    for _ in range(AGAIN if layout.index(name).is_file() else 0):
        with contextlib.suppress(UserError, FileNotFoundError):
            return project(load(name, layout.root))
        time.sleep(PAUSE)
    try:
        return project(load(name, layout.root))
    except FileNotFoundError as error:
        message = f"results of '{name}' are made anew while they are read: {error.filename}"
        raise UserError(message, help=f"run, once that is done: dataenvgym track {name}") from error


def _in_step(layout: Layout, record: ExperimentRecord, act: Callable[[ExperimentRecord], T]) -> T:
    """Does something with a server and the records of an experiment.

    A report may be made anew meanwhile, and another clone may take away a run that it leaves and
    that was just going to be shown here: then both are looked at anew.

    Raises:
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    for _ in range(AGAIN):
        # Of a student that has just gone, a server with users says that nobody may change it.
        with contextlib.suppress(Overtaken, Forbidden):
            return act(record)
        record = _record(layout, record.name)
    return act(record)
