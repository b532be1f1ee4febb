"""Tracking as one act: results to records to a server, one projector at a time in a clone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.setup.hardware.leases import clone_lock
from dataenvgym_spec.store.indexes import compiled
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track.address import is_database
from dataenvgym_spec.track.links import view_page
from dataenvgym_spec.track.mlflow import Server, Vanished, connect
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.runs import ExperimentRecord
from dataenvgym_spec.track.sync import Brought, sync, verify

AGAIN: Final = 3
"""How often results, or runs, that have gone meanwhile are looked for anew."""


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
    thorough: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Tracked:
    """Brings the tracking server up to date with experiments. Doing it again changes nothing.

    Args:
        layout: the repository.
        names: compiled experiments.
        thorough: also look into runs that say they are complete.
        say: told when another process is waited for.

    Raises:
        UserError: an experiment is not compiled, or a result is damaged.
        MissingExtra: mlflow is not installed.
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    with _opened(layout, names, say) as (server, records):
        done = [_brought(layout, server, record, thorough=thorough) for record in records]
    pages = [
        view_page(item.home, record.views[0][0]) for item, record in zip(done, records, strict=True)
    ]
    return Tracked(
        runs=sum(item.runs for item in done),
        created=sum(item.created for item in done),
        removed=sum(item.removed for item in done),
        logged=sum(item.logged for item in done),
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
        return [line for record in records for line in verify(server, record)]


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
    """What the results of an experiment say, which may be made anew while they are read.

    Raises:
        UserError: it is not compiled, or a result is damaged, or gone each time.
    """
    gone = ""
    for _ in range(AGAIN):
        try:
            return project(load(name, layout.root))
        except FileNotFoundError as error:
            gone = str(error.filename)
    message = f"results of '{name}' are made anew while they are read: {gone}"
    raise UserError(message, help=f"run, once that is done: dataenvgym track {name}")


def _brought(
    layout: Layout, server: Server, record: ExperimentRecord, *, thorough: bool
) -> Brought:
    """Brings a server to the state of an experiment.

    A report may be made anew meanwhile, and another clone may take away a run that it leaves and
    that was just going to be shown here: then both are looked at anew.
    """
    for _ in range(AGAIN):
        with contextlib.suppress(Vanished):
            return sync(server, record, thorough=thorough)
        record = _record(layout, record.name)
    return sync(server, record, thorough=thorough)
