"""Brings a tracking server to the state that the records say, or tells how it differs.

A run is what it shows: whoever has the same results has the same run, and different results are
different runs, however many clones of the repository share the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from dataenvgym_spec.track import clones
from dataenvgym_spec.track.changes import Changes
from dataenvgym_spec.track.compare import (
    DIGEST,
    ID,
    PARENT,
    PLAN,
    RESULTS,
    Held,
    as_told,
    contradictions,
    describe,
    missing,
    tags,
)
from dataenvgym_spec.track.mlflow import Server, reaching
from dataenvgym_spec.track.relate import Runs, differences, permitted, relate, remove
from dataenvgym_spec.track.runs import ExperimentRecord, RunRecord


def sync(
    server: Server, experiment: ExperimentRecord, changes: Changes, *, thorough: bool = False
) -> str:
    """Adds what is missing, and takes away what this clone made and no clone shows any more.

    Args:
        server: where.
        experiment: what it should hold.
        changes: what was changed so far, to which this adds.
        thorough: also read every curve and file of runs that say that they are complete.

    Returns:
        The server's id of the experiment.

    Raises:
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    with reaching(server.uri):
        home = server.experiment(experiment.home)
        found = server.runs(home, experiment.name)
        chosen: dict[str, Held] = {}
        for record in experiment.runs:
            parent = _id(chosen, record.parent)
            candidates = _candidates(found, record, parent)
            held = _choose(server, record, candidates, parent, thorough=thorough)
            if held is None:
                held = _create(server, home, record, parent)
                changes.created += 1
            held = _marked(server, held)
            chosen[record.id] = held
            _complete(server, record, held, parent, changes)
        active = {run.run_id for some in found.values() for run in some}
        runs = Runs(
            server=server,
            home=home,
            experiment=experiment,
            chosen=chosen,
            others=frozenset(active),
            changes=changes,
        )
        relate(runs)
        others = [run for some in found.values() for run in some if not _shown(run, runs)]
        _leave(server, home, experiment.name, others, changes)
        _leave_former_home(server, experiment, changes)
    return home


def verify(server: Server, experiment: ExperimentRecord) -> list[str]:
    """What differs between the server and the records, a line each. Changes nothing.

    Raises:
        TrackingUnavailable: the server cannot be reached or refuses.
    """
    with reaching(server.uri):
        home = server.find(experiment.home)
        found = server.runs(home, experiment.name) if home else {}
        differing = []
        for name, runs in found.items():
            if name not in experiment.plans and any(_own(server, run) for run in runs):
                differing.append(f"{name}: the compiled experiment has no such run")
        chosen: dict[str, Held] = {}
        for record in experiment.runs:
            parent = _id(chosen, record.parent)
            candidates = _candidates(found, record, parent)
            held = _choose(server, record, candidates, parent, thorough=True)
            if held is None:
                own = [run for run in candidates if _own(server, run)]
                held = server.look_into(own[0]) if own else None
            if held is None:
                differing.append(f"{record.id}: there is no such run")
                continue
            chosen[record.id] = held
            lines = contradictions(record, held)
            lines += describe(missing(record, held, parent, own=_own(server, held)))
            differing += [f"{record.id}: {line}" for line in lines]
        if home is not None:
            related = Runs(server=server, home=home, experiment=experiment, chosen=chosen)
            differing += differences(related)
    return differing


def _id(chosen: Mapping[str, Held], name: str | None) -> str | None:
    """The server's id of a run."""
    held = chosen.get(name) if name is not None else None
    return held.run_id if held is not None else None


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
    server: Server,
    record: RunRecord,
    candidates: Sequence[Held],
    parent: str | None,
    *,
    thorough: bool,
) -> Held | None:
    """The first run that shows these results, or a part of them and no others."""
    for run in candidates:
        if not thorough:
            told = as_told(record, run, parent, own=_own(server, run))
            if told is not None:
                return told
        # What was logged stays: what contradicts now always will, whatever else is there.
        if contradictions(record, run):
            continue
        held = server.look_into(run, None if thorough else record)
        if not contradictions(record, held):
            return held
    return None


def _create(server: Server, home: str, record: RunRecord, parent: str | None) -> Held:
    made = (clones.tag(server.clone), clones.MADE)
    return server.create(home, record, (*tags(record, parent), made))


def _marked(server: Server, held: Held) -> Held:
    """A run with this clone's mark. Where its maker has left it, this clone describes it now."""
    own = clones.tag(server.clone)
    mark = clones.SHOWN if clones.maker(held.tags) else clones.MADE
    if own in held.tags and mark == clones.SHOWN:
        return held
    server.tag(held.run_id, ((own, mark),))
    return replace(held, tags={**held.tags, own: mark})


def _own(server: Server, run: Held) -> bool:
    """Whether this clone made a run. In its own database all of ours are its own."""
    return server.private or clones.made(run.tags, server.clone)


def _complete(
    server: Server, record: RunRecord, held: Held, parent: str | None, changes: Changes
) -> None:
    """Adds what a run lacks. Its digests are set when all is there."""
    own = _own(server, held)
    lacking = missing(record, held, parent, own=own)
    if lacking.count:
        server.add(record, held.run_id, lacking, changes)
    digests = [(DIGEST, record.digest)] if own else []
    if record.end is not None or own:
        digests.append((RESULTS, record.results))
    server.tag(held.run_id, [pair for pair in digests if held.tags.get(pair[0]) != pair[1]])


def _shown(run: Held, runs: Runs) -> bool:
    """Whether a run is one of the experiment's, or goes on where its results end here so far."""
    name, chosen = run.tags[ID], runs.chosen
    if name in chosen:
        return chosen[name].run_id == run.run_id
    planned = run.tags.get(PLAN) == runs.experiment.plans.get(name)
    parents = {held.run_id for held in chosen.values()}
    return planned and run.tags.get(PARENT) in (None, *parents)


def _leave(server: Server, home: str, name: str, runs: Sequence[Held], changes: Changes) -> None:
    """Takes this clone's mark away from runs, and runs away that have no other.

    What others show stays, also after its maker has left it: the last one takes it away.
    """
    may = True
    students = server.students(home, name) if runs else {}
    for run in runs:
        if clones.tag(server.clone) in run.tags:
            server.untag(run.run_id, clones.tag(server.clone))
        if may and not _shown_by_others(server, run):
            # Who may change runs may not always delete them: somebody else will.
            may = permitted(server, partial(remove, server, students, run))
            changes.removed += may and not _brought_back(server, run)


def _shown_by_others(server: Server, run: Held) -> bool:
    """Whether another clone shows a run at this moment; it may have begun to only now."""
    return not server.private and clones.shown_by_others(server.again(run.run_id), server.clone)


def _brought_back(server: Server, run: Held) -> bool:
    """Whether another clone has marked a run while it was removed, which it then is not."""
    if not _shown_by_others(server, run):
        return False
    server.restore(run.run_id)
    return True


def _leave_former_home(server: Server, experiment: ExperimentRecord, changes: Changes) -> None:
    """Takes away what stood in an experiment of its own before sweeps shared one."""
    if experiment.home == experiment.name:
        return
    home = server.find(experiment.name)
    if home is None:
        return
    runs = [run for some in server.runs(home, experiment.name).values() for run in some]
    before = changes.removed
    _leave(server, home, experiment.name, runs, changes)
    if changes.removed > before:
        server.remove_if_empty(home)
