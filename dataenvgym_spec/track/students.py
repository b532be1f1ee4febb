"""Students as logged models of MLflow: what they are called, scored, and where their weights are.

Weights stay where DVC keeps them. A logged model names the folder, the key of the stage that made
it, and the digest that DVC gives its content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Ledger
from dataenvgym_spec.results.run import Iteration
from dataenvgym_spec.store.dvc.state import read_lock
from dataenvgym_spec.track.naming import NOTE, in_order
from dataenvgym_spec.track.runs import Fact, Metric, MetricPoint, Student

EXPERIMENT: Final = "dataenvgym.experiment"
PORT: Final = "student"
SCORES: Final = (
    "selection/accuracy",
    "selection/accuracy_low",
    "selection/accuracy_high",
    "selection/truncated",
    "selection/unparseable",
)
"""The metrics of a run that are scores of its student."""
FACTS: Final = ("precision", "weights", "steps", "examples")
"""What the log of its training says of a student."""
BAD: Final = str.maketrans(dict.fromkeys("/:.%\"'", "_"))
"""Characters that MLflow takes in no name of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStudent:
    """A logged model as a server holds it.

    Attributes:
        id: the server's name for it.
        run: the server's name for the run that it belongs to.
        ready: whether it was completed.
        facts: its metrics.
    """

    id: str
    run: str
    name: str
    ready: bool
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: frozenset[Fact] = frozenset()


def student_of(
    results: Results,
    turn: Iteration,
    ledger: Ledger,
    name: str,
    metrics: Iterable[Metric],
    tags: Mapping[str, str],
) -> Student | None:
    """The student that a turn of the loop made; None before its training is done.

    Args:
        results: the experiment.
        turn: the turn; 0 for the base student.
        ledger: of the experiment.
        name: of the run that it belongs to.
        metrics: of that run; those that score the student are its own too.
        tags: what people look it up by.
    """
    stage = turn.training
    log = ledger.logs.get(stage.key) if stage is not None else None
    if stage is None or log is None:
        return None
    place = f"store/{stage.path.name}/out/{PORT}"
    facts = {fact: getattr(log, fact, None) for fact in FACTS}
    where = {
        **tags,
        "weights in the repository": place,
        EXPERIMENT: results.name,
        "dataenvgym.key": stage.key,
        NOTE: f"Not copied to MLflow: the weights are in `{place}`, and DVC keeps them.",
    }
    lock = _digest(results, stage.path.name)
    if lock is not None:
        where["weights in DVC"] = lock
    return Student(
        name=name.translate(BAD),
        params=(*tags.items(), *((key, str(fact)) for key, fact in facts.items() if fact)),
        tags=in_order(where),
        metrics=tuple(metric for metric in metrics if metric.key in SCORES),
    )


def _digest(results: Results, directory: str) -> str | None:
    """What DVC calls the content of the weights; None before a lock says so."""
    path = results.layout.store / directory / "dvc.lock"
    try:
        lock = read_lock(path, directory)
    except UserError:
        return None
    return lock.outs.get(f"out/{PORT}") if lock is not None else None


def contradictions(student: Student, held: HeldStudent) -> list[str]:
    """What a server says of a student that cannot be changed, and that its record does not say."""
    words = []
    if held.name != student.name:
        words.append(f"its student is called '{held.name}', not '{student.name}'")
    if dict(held.params) != dict(student.params):
        words.append("the params of its student differ")
    wanted = {metric.fact for metric in student.metrics}
    places = {fact[:2] for fact in wanted}
    words += [
        f"its student has {key} {value}, which it has not scored"
        for key, step, value in sorted(held.facts - wanted, key=str)
        if (key, step) in places
    ]
    return words


def missing_tags(student: Student, held: HeldStudent, *, own: bool) -> list[tuple[str, str]]:
    """Tags that a server lacks; of another clone's student only those that are not there at all."""
    lacking = [pair for pair in student.tags if held.tags.get(pair[0]) != pair[1]]
    return lacking if own else [pair for pair in lacking if pair[0] not in held.tags]


def missing_metrics(student: Student, held: HeldStudent) -> list[Metric]:
    """Scores that a server lacks."""
    return [metric for metric in student.metrics if metric.fact not in held.facts]


def as_measured(metrics: Iterable[Metric], points: Iterable[MetricPoint]) -> list[Metric]:
    """Scores with the times that points of a run have which say the same; of two, the first."""
    times: dict[Fact, int] = {}
    for key, step, time, value in sorted(points, key=lambda point: point[2]):
        times.setdefault((key, step, value), time)
    return [replace(one, timestamp=times.get(one.fact, one.timestamp)) for one in metrics]


def describe(student: Student, held: Sequence[HeldStudent], *, own: bool) -> Iterator[str]:
    """What is missing or wrong, in words."""
    if not held:
        yield "its student is missing"
        return
    for extra in held[1:]:
        yield f"its student is there twice ({extra.id})"
    first = held[0]
    if own:
        yield from contradictions(student, first)
    yield from (f"its student lacks {one.key}" for one in missing_metrics(student, first))
    if not first.ready:
        yield "its student is not complete"
    for key, _ in missing_tags(student, first, own=own):
        yield f"tag {key} of its student is missing or differs"
