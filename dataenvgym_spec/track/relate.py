"""What joins the runs of an experiment on a server: students, links to them, notes and views.

It comes after the runs, because only then the server's own ids are known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from dataenvgym_spec.track import clones, students
from dataenvgym_spec.track.changes import Changes
from dataenvgym_spec.track.compare import ID, READS, Held
from dataenvgym_spec.track.links import SHARED, Links
from dataenvgym_spec.track.mlflow import Server, reaching
from dataenvgym_spec.track.naming import NOTE
from dataenvgym_spec.track.refusals import Forbidden
from dataenvgym_spec.track.runs import ExperimentRecord, RunRecord
from dataenvgym_spec.track.students import HeldStudent
from dataenvgym_spec.track.views import CURVES, RUNS

SHOWN_BY: Final = "dataenvgym.views"
"""The tag of an experiment that says which clone wrote its description and views."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of an experiment on a server.

    Attributes:
        server: where.
        home: the server's id of the experiment.
        experiment: what it should hold.
        chosen: the runs that show it, by our ids.
        others: the server's ids of all that were there before.
        changes: what was changed so far.
    """

    server: Server
    home: str
    experiment: ExperimentRecord
    chosen: Mapping[str, Held]
    others: frozenset[str] = frozenset()
    changes: Changes = field(default_factory=Changes)

    def own(self, run: Held) -> bool:
        """Whether this clone made a run."""
        return self.server.private or clones.made(run.tags, self.server.clone)

    def own_student(self, student: HeldStudent) -> bool:
        """Whether this clone made a logged model."""
        return self.server.private or clones.made(student.tags, self.server.clone)

    def shown(self) -> Iterator[tuple[RunRecord, Held]]:
        """Each record with the run that shows it."""
        for record in self.experiment.runs:
            if record.id in self.chosen:
                yield record, self.chosen[record.id]


def relate(runs: Runs) -> None:
    """Adds students, links, notes and views that are missing."""
    held = runs.server.students(runs.home, runs.experiment.name)
    _remove_lost(runs, held)
    ids = {}
    for record, run in runs.shown():
        if record.student is not None:
            ids[record.id] = _bring(runs, record, run, held.get(run.run_id, []))
    links = _links(runs, ids)
    for record, run in runs.shown():
        reads, gives = _unlinked(record, run, ids)
        if reads or gives:
            runs.server.link(run.run_id, reads=reads, gives=gives)
            runs.changes.logged += len(reads) + len(gives)
        note = _missing_note(runs, record, run, links)
        if note is not None:
            runs.server.tag(run.run_id, ((NOTE, note),))
            runs.changes.logged += 1
    _show(runs, links)


def differences(runs: Runs) -> Iterator[str]:
    """What a server lacks of students, links, notes and views, in words."""
    held = runs.server.students(runs.home, runs.experiment.name)
    ids = {}
    for record, run in runs.shown():
        models = held.get(run.run_id, [])
        if record.student is not None:
            own = all(map(runs.own_student, models))
            for line in students.describe(record.student, models, own=own):
                yield f"{record.id}: {line}"
            ids[record.id] = models[0].id if models else ""
    links = _links(runs, ids)
    for record, run in runs.shown():
        reads, gives = _unlinked(record, run, ids)
        if reads or gives:
            yield f"{record.id}: a link to a student is missing"
        if _missing_note(runs, record, run, links) is not None:
            yield f"{record.id}: its description is missing or differs"
    for name, _ in _missing_tags(runs, links):
        yield f"{runs.experiment.name}: tag {name} of the experiment is missing or differs"


def remove(server: Server, held: Mapping[str, Sequence[HeldStudent]], run: Held) -> None:
    """Puts a run and its students into the bin, the students first: none is left without a run."""
    for student in held.get(run.run_id, ()):
        server.remove_student(student.id)
    server.remove(run.run_id)


def permitted(server: Server, act: Callable[[], None]) -> bool:
    """Does what this user may not be allowed to do; whether it was done."""
    with contextlib.suppress(Forbidden), reaching(server.uri):
        act()
        return True
    return False


def _remove_lost(runs: Runs, held: Mapping[str, Sequence[HeldStudent]]) -> None:
    """Puts students into the bin whose run is there: no run shows them any more."""
    known = runs.others | {run.run_id for run in runs.chosen.values()}
    for run_id in held.keys() - known:
        # Another clone may have made it only now.
        if not runs.server.again(run_id).active:
            for student in held[run_id]:
                permitted(runs.server, partial(runs.server.remove_student, student.id))


def _bring(runs: Runs, record: RunRecord, run: Held, models: Sequence[HeldStudent]) -> str:
    """Brings the student of a run to the state of its record; its id."""
    student, server, changes = record.student, runs.server, runs.changes
    assert student is not None
    models = list(models)
    while models and runs.own_student(models[0]) and students.contradictions(student, models[0]):
        changes.logged += permitted(server, partial(server.remove_student, models.pop(0).id))
    if models:
        first = models[0]
    else:
        marks = ((ID, record.id), (clones.tag(server.clone), clones.MADE))
        first = server.create_student(runs.home, run.run_id, student, marks)
        changes.logged += 1
    own = runs.own_student(first)
    # Two that were made at once: everybody keeps the older one.
    for double in models[1:]:
        if runs.own_student(double) or clones.maker(double.tags) not in run.tags:
            changes.logged += permitted(server, partial(server.remove_student, double.id))
    tags = students.missing_tags(student, first, own=own)
    metrics = students.missing_metrics(student, first)
    if metrics:
        # They are points of the run too: with another time they would be there twice.
        metrics = students.as_measured(metrics, server.again(run.run_id).points)
    if tags or metrics or not first.ready:
        server.add_to_student(first, tags, metrics, ready=first.ready)
        changes.logged += len(tags) + len(metrics)
    return first.id


def _links(runs: Runs, ids: Mapping[str, str]) -> Links:
    own = {name: run.run_id for name, run in runs.chosen.items()}
    return Links(home=runs.home, runs=own, students=ids)


def _unlinked(record: RunRecord, run: Held, ids: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The students that a run has read and given, and that the server does not link to it."""
    given = (record.id, *record.gives) if record.student is not None else record.gives
    reads = [ids[name] for name in record.reads if name in ids]
    gives = [ids[name] for name in given if name in ids]
    held = run.tags.get(READS, "").split()
    return (
        [] if set(reads) <= set(held) else reads,
        [name for name in gives if name not in run.gives],
    )


def _missing_note(runs: Runs, record: RunRecord, run: Held, links: Links) -> str | None:
    """The description of a run, where it is not there; another's is left as it is."""
    note = links.resolve(record.note)
    if not note or run.tags.get(NOTE) == note or (NOTE in run.tags and not runs.own(run)):
        return None
    return note


def _show(runs: Runs, links: Links) -> None:
    """Sets the description and the views of the experiment."""
    tags = _missing_tags(runs, links)
    runs.server.tag_experiment(runs.home, tags)
    runs.changes.logged += len(tags)


def _missing_tags(runs: Runs, links: Links) -> list[tuple[str, str]]:
    """Those of the experiment; what another clone says of it is left as it is."""
    held = runs.server.experiment_tags(runs.home)
    author = held.get(SHOWN_BY)
    if author not in (None, runs.server.clone) and not runs.server.private:
        return []
    record = runs.experiment
    wanted = {SHARED + name: view for name, view in record.views}
    wanted[NOTE] = links.resolve(_description(record))
    if not runs.server.private:
        wanted[SHOWN_BY] = runs.server.clone
    return [(name, value) for name, value in wanted.items() if held.get(name) != value]


def _description(record: ExperimentRecord) -> str:
    """What stands at the head of the experiment's page: what it asks, and what to look at."""
    names = dict(record.views)
    first = next(iter(names), CURVES)
    words = f"Start here: [what to look at](view:{first}), or [every run](view:{RUNS})."
    return "\n\n".join(part for part in (record.description, words) if part)
