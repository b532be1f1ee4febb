"""Where a generated example comes from, and what became of it.

From the student's error, the plan and what a teacher was asked to the students that it taught.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example, Notes, Provenance, Rejected
from dataenvgym_spec.records.files import read_some
from dataenvgym_spec.records.plans import Plan, Request, ShownError
from dataenvgym_spec.records.responses import RESPONSES, LoggedResponse
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import EXAMPLES, StageResult, read_record, read_records
from dataenvgym_spec.results.taught.learners import Learner, Learners

E = TypeVar("E", bound=Example)
N = TypeVar("N", Example, Rejected, Notes, Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One generated example, with what led to it and what followed.

    Attributes:
        example: as the engine made it.
        experiments: whose stages it is of.
        generate: the stage that made it.
        plan: the stage that asked for it; None if it is not of these experiments.
        request: what that asked for.
        reason: why, in words; empty if the plan does not say.
        decided: what the agent asked teachers to decide it, with their replies.
        errors: of the student, that the prompt showed.
        asked: what teachers were asked for it, with their replies.
        check: the stage that judged it; None if none is done.
        accepted: whether it did.
        rejected: by which check and why, if one rejected it.
        notes: what checks recorded of it, by check.
        verified: what a check asked teachers about it.
        given: whether it was accepted for a training that may take it.
        trained: the trainings that took it.
    """

    example: Example
    experiments: tuple[str, ...]
    generate: StageResult
    plan: StageResult | None = None
    request: Request | None = None
    reason: str = ""
    decided: tuple[LoggedResponse, ...] = ()
    errors: tuple[ShownError, ...] = ()
    asked: tuple[LoggedResponse, ...] = ()
    check: StageResult | None = None
    accepted: bool = False
    rejected: Rejected | None = None
    notes: dict[str, str] | None = None
    verified: tuple[LoggedResponse, ...] = ()
    given: bool = False
    trained: tuple[Learner, ...] = ()


def traces(experiments: Sequence[Results], id: str) -> Iterator[Trace]:
    """Every example whose id begins with some signs, once for each stage that judged it.

    The same question may be made again, and arms may judge the same candidates by other checks.

    Args:
        experiments: where to look, each with its stages.
        id: the first signs of the example's id.
    """
    used: dict[str, dict[str, None]] = {}
    stages: dict[str, StageResult] = {}
    for results in experiments:
        for stage in results.stages:
            stages.setdefault(stage.key, stage)
            used.setdefault(stage.key, {})[results.name] = None
    learners = Learners(stages.values())
    for stage in stages.values():
        if stage.kind != "generate" or not stage.done:
            continue
        readers = [other for other in stages.values() if stage.key in other.inputs and other.done]
        checks = [other for other in readers if other.kind == "check"]
        for example in matching(stage.port("candidates") / EXAMPLES, Example, id):
            made = _made(example, stage, tuple(used[stage.key]), stages)
            if not checks:
                yield made
            for check in checks:
                yield _with_fate(made, check, learners)


def trace_of(
    example: Example, check: StageResult, stages: Mapping[str, StageResult], learners: Learners
) -> Trace:
    """The trace of one example that a check judged.

    Args:
        example: as the check has it.
        check: the stage that judged it.
        stages: all of an experiment, by key.
        learners: the trainings among them.
    """
    read = [stages[key] for key in check.inputs if key in stages]
    made = (stage for stage in read if stage.kind == "generate")
    generate = next(made, check)
    return _with_fate(_made(example, generate, (), stages), check, learners)


def _made(
    example: Example,
    generate: StageResult,
    experiments: tuple[str, ...],
    stages: Mapping[str, StageResult],
) -> Trace:
    made = example.provenance or Provenance()
    found = Trace(
        example=example,
        experiments=experiments,
        generate=generate,
        asked=_responses(generate, made.asks),
    )
    return _with_plan(found, stages.get(made.plan), made.shown)


def _with_plan(found: Trace, stage: StageResult | None, shown: Sequence[str]) -> Trace:
    if stage is None or not stage.done:
        return found
    plan = read_record(stage.port("plan") / "plan.json", Plan)
    name = found.example.asked_by
    request = next((request for request in plan.asked() if request.id == name), None)
    errors = {error.id: error for some in plan.errors.values() for error in some}
    return replace(
        found,
        plan=stage,
        request=request,
        reason=plan.reasons.get(found.example.skill, ""),
        decided=_all_responses(stage),
        errors=tuple(errors[id] for id in shown if id in errors),
    )


def _with_fate(found: Trace, check: StageResult, learners: Learners) -> Trace:
    """With what a check made of it. What is in neither list was beyond what was asked for."""
    place, accepted = _same(check, "accepted", Example, found.example) or (0, None)
    _, rejected = _same(check, "rejected", Rejected, found.example) or (0, None)
    notes = dict(accepted.notes or {}) if accepted is not None else {}
    apart = check.port("rejected") / "noted.jsonl"
    if accepted is not None and apart.is_file():
        for row in matching(apart, Notes, found.example.id):
            notes |= row.notes
    return replace(
        found,
        check=check,
        accepted=accepted is not None,
        rejected=rejected,
        notes=notes or None,
        verified=_responses(check, (found.example.id,)),
        given=accepted is not None and learners.given(check),
        trained=() if accepted is None else learners.of(check, place, accepted.id),
    )


def _same(check: StageResult, port: str, kind: type[E], example: Example) -> tuple[int, E] | None:
    """The row of a port that is about an example, with its number: the same one of a round."""
    for number, row in check.numbered(port, EXAMPLES, kind, lambda line: example.id in line):
        if (row.id, row.provenance) == (example.id, example.provenance):
            return number, row
    return None


def matching(path: Path, kind: type[N], id: str, *, anywhere: bool = False) -> Iterator[N]:
    """The rows of a file whose id begins with some signs; few of many are parsed.

    Args:
        path: a file of records.
        kind: theirs.
        id: the first signs.
        anywhere: whether all rows are given in whose text these stand.
    """
    for row in read_some(path, kind, lambda line: id in line):
        if anywhere or row.id.startswith(id):
            yield row


def _all_responses(stage: StageResult) -> tuple[LoggedResponse, ...]:
    path = stage.path / "log" / RESPONSES
    return tuple(read_records(path, LoggedResponse)) if path.is_file() else ()


def _responses(stage: StageResult, names: Collection[str]) -> tuple[LoggedResponse, ...]:
    """What the log of a stage has of some questions to teachers."""
    path = stage.path / "log" / RESPONSES
    if not names or not path.is_file():
        return ()
    marks = [json.dumps(name, ensure_ascii=False)[1:-1] for name in names]
    # Prompts are long, and an example is made of few: only those are parsed.
    rows = read_some(path, LoggedResponse, lambda line: any(mark in line for mark in marks))
    return tuple(row for row in rows if row.ask.partition(" (answer ")[0] in names)
