"""Since when a spec declares each contrast, as git tells it: before its results, or after them.

The spec and the files that it extends are read as they were in every commit; a contrast is the same
if it means the same, however it was written. One that was removed and came back is declared since
it came back, and what a spec was copied from is another one. Of a study that came in a bundle the
history did not come along, but what it said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.origins import DeclaredContrast, Origins
from dataenvgym_spec.results.evidence.answers import scored
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.store.git.versions import Version, Versions, descends, versions

_NAME: Final = re.compile(rb"^name:[ \t]*([^#\s]+)", re.MULTILINE)


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


def declared(results: Results) -> dict[Question, Declared]:
    """Since when each contrast of an experiment is declared, by the contrast."""
    questions = results.index.contrasts
    if not questions:
        return {}
    history = versions(results.layout, _specs(results))
    first = {} if history is None else _since(history, results, questions)
    brought = _brought(results)
    found = {}
    for one in questions:
        here, there = first.get(one), brought.get(one)
        # Whoever opened a bundle has committed its spec later.
        if there is not None and (here is None or there.when <= here.when):
            found[one] = _declared_there(results, there)
        else:
            found[one] = _declared(results, one, here, history)
    return found


def _brought(results: Results) -> dict[Question, DeclaredContrast]:
    """What the history said that did not come along with a bundle."""
    path = results.layout.origins / f"{results.name}.json"
    if not path.is_file():
        return {}
    return {row.question: row for row in read(path, Origins).contrasts}


def _declared_there(results: Results, row: DeclaredContrast) -> Declared:
    if row.shallow:
        return Declared(known="shallow", commit=row.commit, when=row.when)
    before = _is_before(row.when, _first_result(results, row.question))
    return Declared(known="committed", commit=row.commit, when=row.when, before=before)


def _is_before(when: int, result: float | None) -> bool | None:
    return None if result is None else when < result


def _specs(results: Results) -> list[str]:
    """The files that may declare contrasts: the spec, and what it extends."""
    return results.index.specs


def _declared(
    results: Results, question: Question, version: Version | None, history: Versions | None
) -> Declared:
    if history is None:
        return Declared(known="no git")
    if version is None:
        return Declared(known="not committed")
    if version.first and history.shallow:
        return Declared(known="shallow", commit=version.commit, when=version.when)
    before = _is_before(version.when, _first_result(results, question))
    return Declared(known="committed", commit=version.commit, when=version.when, before=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """From which version of a file on a contrast stood in it, and up to which commit.

    Attributes:
        start: the version that brought it.
        end: the commit that took it out; None where it still stands.
    """

    start: Version
    end: str | None = None


def _since(
    history: Versions, results: Results, questions: Sequence[Question]
) -> dict[Question, Version]:
    """The version since which each of some contrasts was declared without interruption."""
    spans: dict[Question, list[_Span]] = {question: [] for question in questions}
    for of_file in history.files:
        for question, span in _spans(of_file, history, results, questions):
            spans[question].append(span)
    found = {}
    for question, mine in spans.items():
        standing = [span.start for span in mine if span.end is None]
        if not standing:
            continue
        since = min(standing, key=lambda version: version.when)
        # What one commit took from a file and put into another was there all the time.
        for span in sorted(mine, key=lambda one: -one.start.when):
            if span.end == since.commit:
                since = span.start
        found[question] = since
    return found


def _spans(
    of_file: Sequence[Version],
    history: Versions,
    results: Results,
    questions: Sequence[Question],
) -> Iterator[tuple[Question, _Span]]:
    """When each of some contrasts stood in a file."""
    starts: dict[Question, Version] = {}
    for version in _of_one_experiment(of_file, history):
        declares = _said(history.texts.get(version.blob, b""), results.index.arms)
        if version.blob and (declares is None or version.blob not in history.texts):
            continue  # whether it stands there nobody knows
        for question in questions:
            start = starts.get(question)
            if question in (declares or ()):
                starts.setdefault(question, version)
            elif start is not None and descends(results.layout, version.commit, start.commit):
                del starts[question]
                yield question, _Span(start=start, end=version.commit)
    for question, start in starts.items():
        yield question, _Span(start=start)


def _of_one_experiment(of_file: Sequence[Version], history: Versions) -> list[Version]:
    """Versions since the last one that was of an experiment of another name."""
    names = [_name(history.texts.get(version.blob, b"")) for version in of_file]
    last = next((name for name in reversed(names) if name), None)
    others = [place for place, name in enumerate(names) if name not in (None, last)]
    return list(of_file[others[-1] + 1 if others else 0 :])


def _name(text: bytes) -> str | None:
    """What a version of a spec calls its experiment; None if it says nothing."""
    found = _NAME.search(text)
    return None if found is None else found.group(1).strip(b"\"'").decode("utf-8", "replace")


def _said(text: bytes, arms: Sequence[str]) -> set[Question] | None:
    """The contrasts that a version of a spec declares; None of one that cannot be read."""
    # Most of a spec's history may be older than its first contrast.
    if b"contrasts" not in text:
        return set()
    from dataenvgym_spec.compile.lower.index import question
    from dataenvgym_spec.language.analysis import Contrast
    from dataenvgym_spec.language.source import parse

    try:
        node = parse(text.decode("utf-8"), file="").find("analysis", "contrasts")
    except (SpecError, ValueError):
        return None
    rows: Any = None if node is None else node.plain()
    declares = set()
    for row in rows if isinstance(rows, list) else ():
        with suppress(msgspec.ValidationError):
            declares.add(question(msgspec.convert(row, Contrast), arms))
    return declares


def _first_result(results: Results, question: Question) -> float | None:
    """When the first score was there that says something of a contrast; None before it is."""
    runs = zip(results.of_arm(question.arm), results.of_arm(question.against), strict=True)
    ended = []
    for first, second in runs:
        for run, student in ((first, question.student), (second, question.second)):
            stage = scored(run, student, question.split)
            # What the untaught student answers says nothing of what teaching changes.
            if stage is not None and run.iteration_of(student) != 0:
                log = stage.log
                ended += [] if log is None else [log.ended]
    return min(ended, default=None)
