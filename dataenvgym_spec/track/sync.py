"""Brings a tracking server to the state that the records say, or tells how it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataenvgym_spec.track.compare import DIGEST, Held, contradictions, describe, missing, tags
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
    """Adds what is missing, replaces what contradicts, touches nothing else.

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
        removed = sum(
            _remove(server, runs) for name, runs in found.items() if name not in experiment.plans
        )
        created = logged = 0
        ids: dict[str, str] = {}
        for record in experiment.runs:
            parent = ids.get(record.parent or "")
            held, others = _choose(server, record, found.get(record.id, []), thorough)
            removed += _remove(server, others)
            created += held is None
            held = held or server.create(home, record, tags(record, parent))
            ids[record.id] = held.run_id
            logged += _complete(server, record, held, parent, thorough)
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
        out = [
            f"{name}: the compiled experiment has no such run"
            for name in found
            if name not in experiment.plans
        ]
        ids: dict[str, str] = {}
        for record in experiment.runs:
            runs = found.get(record.id, [])
            if len(runs) != 1:
                count = f"are {len(runs)} such runs" if runs else "is no such run"
                out.append(f"{record.id}: there {count}")
            for run in runs[:1]:
                held = server.look_into(run)
                ids[record.id] = held.run_id
                lines = contradictions(record, held) + describe(
                    missing(record, held, ids.get(record.parent or ""))
                )
                out += [f"{record.id}: {line}" for line in lines]
    return out


def _remove(server: Server, runs: Sequence[Held]) -> int:
    for run in runs:
        server.remove(run.run_id)
    return len(runs)


def _known(record: RunRecord, held: Held, thorough: bool) -> bool:
    """Whether a run is taken to be complete by its digest alone."""
    return not thorough and held.tags.get(DIGEST) == record.digest


def _choose(
    server: Server, record: RunRecord, runs: Sequence[Held], thorough: bool
) -> tuple[Held | None, list[Held]]:
    """The first run that does not contradict the record, and the others.

    Wrong ones, and doubles that somebody else made.
    """
    chosen: Held | None = None
    others: list[Held] = []
    for run in runs:
        held = run if chosen or _known(record, run, thorough) else server.look_into(run)
        if chosen is None and (_known(record, run, thorough) or not contradictions(record, held)):
            chosen = held
        else:
            others.append(run)
    return chosen, others


def _complete(
    server: Server, record: RunRecord, held: Held, parent: str | None, thorough: bool
) -> int:
    """Adds what a run lacks; returns how many values that were.

    Its digest is set when all is there.
    """
    if _known(record, held, thorough):
        lack = tuple(pair for pair in tags(record, parent) if held.tags.get(pair[0]) != pair[1])
        server.tag(held.run_id, lack)
        return len(lack)
    lacking = missing(record, held, parent)
    if lacking.count:
        server.add(record, held.run_id, lacking)
    if lacking.count or held.tags.get(DIGEST) != record.digest:
        server.tag(held.run_id, ((DIGEST, record.digest),))
    return lacking.count
