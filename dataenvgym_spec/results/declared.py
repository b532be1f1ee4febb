"""Since when a spec declares each contrast, as git tells it, and which ones it declares no more.

A contrast is the same if it means the same, however it was written. One that was removed and came
back is declared since it came back; one that did not come back is named with both commits, since it
may have been left out for what it said. What a spec was copied from is another spec. Of a study
that came in a bundle the history did not come along, but what it said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from msgspec.structs import replace

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.origins import DeclaredContrast, Origins
from dataenvgym_spec.results.evidence.answers import scored
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.said import Said, said
from dataenvgym_spec.store.git.changes import Commit

SCORED: Final = ("test", "selection")
"""The splits that the students of every arm answer for the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Since when a spec declares a contrast as it stands.

    Attributes:
        known: whether git tells; `shallow` where the history ends too early to tell.
        commit: the first one since which it stands there.
        when: its time, in seconds since 1970.
        before: whether it is older than the first result of the contrast; None where either is not
            known.
    """

    known: Literal["committed", "not committed", "shallow", "no git"]
    commit: str | None = None
    when: int | None = None
    before: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A contrast that a spec has declared, and declares no more as it stood there.

    Attributes:
        question: the contrast.
        since: the commit that brought it, as it did the last time.
        commit: the one that left it out; None where that is not committed.
        when: its time, in seconds since 1970.
        before: whether it was left out before its first result; None where that is not known, such
            as of an arm that is there no more.
        otherwise: whether the two students are still compared there, as another kind of contrast or
            with other bounds.
    """

    question: Question
    since: Declared
    commit: str | None = None
    when: int | None = None
    before: bool | None = None
    otherwise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """What git tells of the contrasts of an experiment.

    Attributes:
        standing: since when those are declared that are, in the order of the spec.
        dropped: those that are declared no more, by when they came.
        ends: the commit at which a shallow clone ends: what was left out before is not known.
    """

    standing: Mapping[Question, Declared]
    dropped: tuple[Dropped, ...] = ()
    ends: str | None = None


def declarations(results: Results) -> Declarations:
    """Since when each contrast of an experiment is declared, and which ones were."""
    history, origins = said(results.layout, results.index), _origins(results)
    rows = {row.question: row for row in origins.contrasts}
    standing = {}
    for one in results.index.contrasts:
        here, there = _since(history, _tip(history), one), rows.get(one)
        # Whoever opened a bundle has committed its spec later.
        if there is not None and there.dropped is None and _is_older(there, here):
            standing[one] = _brought(results, there)
        else:
            standing[one] = _declared(results, one, here, history)
    dropped = [*_dropped(results, history, rows)]
    dropped.sort(key=_order)
    cut = () if history is None else (one.id for one in history.commits if one.id in history.ends)
    return Declarations(
        standing=standing, dropped=tuple(dropped), ends=next(iter(cut), origins.ends)
    )


def rows_of(told: Declarations) -> tuple[DeclaredContrast, ...]:
    """The same for a place that the history does not come to, as far as git says it."""
    found = [_row(question, since) for question, since in told.standing.items()]
    for one in told.dropped:
        row = _row(one.question, one.since)
        found.append(row and replace(row, dropped=one.commit, until=one.when))
    return tuple(row for row in found if row is not None)


def _row(question: Question, since: Declared) -> DeclaredContrast | None:
    if since.commit is None or since.when is None:
        return None
    early = since.known == "shallow"
    return DeclaredContrast(question=question, commit=since.commit, when=since.when, shallow=early)


def _order(one: Dropped) -> tuple[object, ...]:
    question = one.question
    told = (question.title, question.primary, question.equivalence or 0.0)
    return (one.since.when or 0, one.when or 0, *told)


def _origins(results: Results) -> Origins:
    """What the history said that did not come along with a bundle."""
    path = results.layout.origins / f"{results.name}.json"
    return read(path, Origins) if path.is_file() else Origins(contrasts=())


def _is_older(row: DeclaredContrast, commit: Commit | None) -> bool:
    return commit is None or row.when <= commit.when


def _tip(history: Said | None) -> tuple[str, ...]:
    """The last commit that changed the spec."""
    return () if history is None else tuple(one.id for one in history.commits[-1:])


def _since(history: Said | None, commits: Iterable[str], question: Question) -> Commit | None:
    """The commit since which a contrast stood in some later ones without interruption."""
    if history is None:
        return None
    found = []
    for one in _back(history, commits, question, stands=True):
        if not any(history.declares(parent, question) for parent in one.parents):
            found.append(one)
    return min(found, key=lambda one: one.when, default=None)


def _back(
    history: Said, commits: Iterable[str], question: Question, *, stands: bool
) -> Iterator[Commit]:
    """Some commits and those before them, as long as a contrast stands there, or does not."""
    waiting = set(commits)
    for one in reversed(history.commits):
        if one.id in waiting and history.declares(one.id, question) is stands:
            yield one
            waiting.update(one.parents)


def _gone(history: Said, question: Question) -> Commit | None:
    """The commit that left out a contrast which is there no more, the last one of several."""
    found = []
    for one in _back(history, _tip(history), question, stands=False):
        stood = [history.declares(parent, question) for parent in one.parents]
        if any(stood):
            # A merge of a branch that had left it out is not what left it out.
            found.append((all(stood), one.when, one))
    return max(found, key=lambda row: row[:2])[2] if found else None


def _dropped(
    results: Results, history: Said | None, rows: Mapping[Question, DeclaredContrast]
) -> Iterator[Dropped]:
    """The contrasts that are declared no more."""
    every = dict.fromkeys(rows)
    for contrasts in () if history is None else history.contrasts.values():
        every |= dict.fromkeys(contrasts)
    kept = {_compared(one) for one in results.index.contrasts}
    for one in every:
        if one in results.index.contrasts:
            continue
        row, gone, here = rows.get(one), None, None
        if history is not None:
            gone = _gone(history, one)
            here = _since(history, _tip(history) if gone is None else gone.parents, one)
        if row is not None and _is_older(row, here):
            since = _brought(results, row)
        else:
            since = _declared(results, one, here, history)
        commit, when = (None, None) if gone is None else (gone.id, gone.when)
        if here is None and row is not None:
            commit, when = row.dropped, row.until
        first = _first_result(results, one)
        before = None if first is None else when is not None and when < first
        yield Dropped(
            question=one,
            since=since,
            commit=commit,
            when=when,
            before=before,
            otherwise=_compared(one) in kept,
        )


def _compared(one: Question) -> tuple[object, ...]:
    """Which students a contrast compares, and where, whatever is claimed of them."""
    sides = {(one.arm, one.student), (one.against, one.second)}
    return (frozenset(sides), one.split, one.part)


def _brought(results: Results, row: DeclaredContrast) -> Declared:
    if row.shallow:
        return Declared(known="shallow", commit=row.commit, when=row.when)
    before = _is_before(row.when, _first_result(results, row.question))
    return Declared(known="committed", commit=row.commit, when=row.when, before=before)


def _is_before(when: int, result: float | None) -> bool | None:
    return None if result is None else when < result


def _declared(
    results: Results, question: Question, commit: Commit | None, history: Said | None
) -> Declared:
    if history is None:
        return Declared(known="no git")
    if commit is None:
        return Declared(known="not committed")
    if commit.id in history.ends:
        return Declared(known="shallow", commit=commit.id, when=commit.when)
    before = _is_before(commit.when, _first_result(results, question))
    return Declared(known="committed", commit=commit.id, when=commit.when, before=before)


def _first_result(results: Results, question: Question) -> float | None:
    """When the first score was there that says something of a contrast; None before it is.

    Of students that the experiment does not have, it is not known.
    """
    ended = []
    # Of an arm that is there no more there are no runs.
    for first, second in zip(
        results.of_arm(question.arm), results.of_arm(question.against), strict=False
    ):
        for run, student in ((first, question.student), (second, question.second)):
            has_split = question.split in (*SCORED, *run.probes)
            if not has_split or (isinstance(student, int) and student >= len(run.iterations)):
                return None
            stage = scored(run, student, question.split)
            # What the untaught student answers says nothing of what teaching changes.
            if stage is not None and run.iteration_of(student) != 0:
                log = stage.log
                ended += [] if log is None else [log.ended]
    return min(ended, default=None)
