"""Brings a tracking server to the state that the records say, or tells how it differs.

A run is what it shows: whoever has the same results has the same run, and different results are
different runs, however many clones of the repository share the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataenvgym_spec.track import clones
from dataenvgym_spec.track.compare import (
    DIGEST,
    ID,
    PARENT,
    PLAN,
    RESULTS,
    Held,
    contradictions,
    describe,
    missing,
    tags,
)
from dataenvgym_spec.track.mlflow import Server, reaching
from dataenvgym_spec.track.runs import ExperimentRecord, RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What there was to do.

    Attributes:
        home: the server's id of the experiment.
        runs: how many runs the experiment has.
        created: how many of them were made.
        removed: how many other runs were taken away.
        logged: how many params, points, tags, inputs and artifacts were added.
    """

    home: str
    runs: int
    created: int
    removed: int
    logged: int


def sync(server: Server, experiment: ExperimentRecord, *, thorough: bool = True) -> Brought:
    """Adds what is missing, and takes away what this clone made and no clone shows any more.

    Args:
        server: where.
        experiment: what it should hold.
        thorough: also look into runs whose digest says that they are complete.

    Raises:
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    with reaching(server.uri):
        home = server.experiment(experiment.name, experiment.description)
        found = server.runs(home)
        created = logged = 0
        ids: dict[str, str] = {}
        for record in experiment.runs:
            parent = ids.get(record.parent or "")
            held = _choose(server, record, _candidates(found, record, parent), thorough)
            created += held is None
            held = held or _create(server, home, record, parent)
            ids[record.id] = held.run_id
            logged += _complete(server, record, held, parent, thorough)
        runs = [run for some in found.values() for run in some]
        removed = _leave(server, [run for run in runs if not _shown(run, experiment, ids)])
    return Brought(
        home=home, runs=len(experiment.runs), created=created, removed=removed, logged=logged
    )


def verify(server: Server, experiment: ExperimentRecord) -> list[str]:
    """What differs between the server and the records, a line each. Changes nothing.

    Raises:
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    with reaching(server.uri):
        home = server.find(experiment.name)
        found = server.runs(home) if home else {}
        differing = []
        for name, runs in found.items():
            if name not in experiment.plans and any(_own(server, run) for run in runs):
                differing.append(f"{name}: the compiled experiment has no such run")
        ids: dict[str, str] = {}
        for record in experiment.runs:
            parent = ids.get(record.parent or "")
            candidates = _candidates(found, record, parent)
            held = _choose(server, record, candidates, thorough=True)
            if held is None:
                own = [run for run in candidates if _own(server, run)]
                held = server.look_into(own[0]) if own else None
            if held is None:
                differing.append(f"{record.id}: there is no such run")
                continue
            ids[record.id] = held.run_id
            lines = contradictions(record, held)
            lines += describe(missing(record, held, parent, own=_own(server, held)))
            differing += [f"{record.id}: {line}" for line in lines]
    return differing


def _candidates(
    found: Mapping[str, Sequence[Held]], record: RunRecord, parent: str | None
) -> list[Held]:
    """The runs that may be the record's, those that say they show its results first.

    A child run belongs to its parent: equal iterations of different runs are two. The order is the
    same for every clone, so that all choose the same one of two that were made at once.
    """
    runs = found.get(record.id, [])
    if record.parent is not None:
        runs = [run for run in runs if run.tags.get(PARENT) == parent]
    return sorted(runs, key=lambda run: (run.tags.get(RESULTS) != record.results, run.run_id))


def _choose(
    server: Server, record: RunRecord, candidates: Sequence[Held], thorough: bool
) -> Held | None:
    """The first run that shows these results, or a part of them and no others."""
    for run in candidates:
        if _known(server, record, run, thorough):
            return run
        held = server.look_into(run)
        if not contradictions(record, held):
            return held
    return None


def _create(server: Server, home: str, record: RunRecord, parent: str | None) -> Held:
    made = (clones.tag(server.clone), clones.MADE)
    return server.create(home, record, (*tags(record, parent), made))


def _own(server: Server, run: Held) -> bool:
    """Whether this clone made a run. In its own database all of ours are its own."""
    return server.private or clones.made(run, server.clone)


def _known(server: Server, record: RunRecord, held: Held, thorough: bool) -> bool:
    """Whether a run is taken to be complete by its digest alone."""
    if thorough:
        return False
    if _own(server, held):
        return held.tags.get(DIGEST) == record.digest
    return held.tags.get(RESULTS) == record.results


def _complete(
    server: Server, record: RunRecord, held: Held, parent: str | None, thorough: bool
) -> int:
    """Adds what a run lacks; returns how many values that were.

    Its digests are set when all is there.
    """
    own = _own(server, held)
    if clones.tag(server.clone) not in held.tags:
        server.tag(held.run_id, ((clones.tag(server.clone), clones.SHOWN),))
    if _known(server, record, held, thorough):
        return 0
    lacking = missing(record, held, parent, own=own)
    if lacking.count:
        server.add(record, held.run_id, lacking)
    digests = [(DIGEST, record.digest)] if own else []
    if record.end is not None or own:
        digests.append((RESULTS, record.results))
    server.tag(held.run_id, [pair for pair in digests if held.tags.get(pair[0]) != pair[1]])
    return lacking.count


def _shown(run: Held, experiment: ExperimentRecord, ids: Mapping[str, str]) -> bool:
    """Whether a run is one of the experiment's, or goes on where its results end here so far."""
    name = run.tags[ID]
    if name in ids:
        return ids[name] == run.run_id
    planned = run.tags.get(PLAN) == experiment.plans.get(name)
    return planned and run.tags.get(PARENT) in (None, *ids.values())


def _leave(server: Server, runs: Sequence[Held]) -> int:
    """Takes away runs that this clone made and no other shows; returns how many.

    At runs of others that it showed so far it takes its mark away.
    """
    removed = 0
    for run in runs:
        others = clones.shown_by_others(run, server.clone) and not server.private
        if _own(server, run) and not others:
            server.remove(run.run_id)
            removed += 1
        elif run.tags.get(clones.tag(server.clone)) == clones.SHOWN:
            server.untag(run.run_id, clones.tag(server.clone))
    return removed
