"""All that was ever answered to an item, and what it was shown for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.experiment import StageUse
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import EXAMPLES, StageResult
from dataenvgym_spec.results.trace import matching

Turned = Literal["fixed", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One student's answer to an item.

    Attributes:
        iteration: whose student it is; 0 is the base.
        split: that the item is of, or the name of another test set.
        baseline: the name of the prompt that an untaught student was asked with; empty for its own.
        copy: which copy of the noise floor it is of, such as `retrain 2`; empty for the student.
        stage: that evaluated it.
        row: the answer.
        turned: what the student before it, in this run and on this split, had right or wrong.
    """

    experiment: str
    arm: str
    seed: int
    iteration: int
    split: str
    baseline: str
    copy: str
    stage: StageResult
    row: Result
    turned: Turned | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """An engine's stage that showed an item's error to a teacher, and the examples made of it."""

    stage: StageResult
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An item, with all that was answered to it.

    Attributes:
        item: the first answer, for what the item says.
        answers: by experiment, run and split, in the order of iterations.
        shown: where it was shown to a teacher as an error.
    """

    item: Result
    answers: tuple[Answered, ...]
    shown: tuple[Showing, ...]


def histories(experiments: Sequence[Results], id: str) -> tuple[History, ...]:
    """Every item whose id begins with some signs, in the order of ids.

    Args:
        experiments: where to look.
        id: the first signs of the item's id.
    """
    answers: dict[str, dict[tuple[object, ...], Answered]] = {}
    for results in experiments:
        for answer in _answers(results, id):
            mine = answers.setdefault(answer.row.id, {})
            mine.setdefault(_place(answer), answer)
    found = []
    for item in sorted(answers):
        ordered = sorted(answers[item].values(), key=_order)
        shown = tuple(_shown(experiments, item))
        rows = tuple(_turned(ordered))
        found.append(History(item=rows[0].row, answers=rows, shown=shown))
    return tuple(found)


def _answers(results: Results, id: str) -> Iterator[Answered]:
    for stage in results.stages:
        if stage.kind != "evaluate" or not stage.done or stage.passed:
            continue
        for path in sorted((stage.path / "out").glob("*/results.jsonl")):
            for row in matching(path, Result, id):
                for use in stage.uses:
                    yield _answer(results, stage, use, path.parent.name, row)


def _answer(
    results: Results, stage: StageResult, use: StageUse, split: str, row: Result
) -> Answered:
    number = use.iteration or 0 if use.each is None else use.each
    copy, copies = use.copy, results.index.noise
    if copy is not None and copies is not None:
        number = copies.iteration
    again = "" if copy is None or copy.of == "student" else f"{copy.of} {copy.number}"
    return Answered(
        experiment=results.name,
        arm=use.arm,
        seed=use.seed,
        # Several students are scored in one stage after the loop: there a row says whose it is.
        iteration=number if row.iteration is None else row.iteration,
        split=split if use.probe is None else use.probe,
        baseline=use.baseline or "",
        copy=again,
        stage=stage,
        row=row,
    )


def _place(answer: Answered) -> tuple[object, ...]:
    return (*_line(answer), answer.iteration)


def _line(answer: Answered) -> tuple[object, ...]:
    """What answers share that follow each other."""
    run = (answer.experiment, answer.arm, answer.seed)
    return (*run, answer.split, answer.baseline, answer.copy)


def _order(answer: Answered) -> tuple[str, str, int, str, str, str, int]:
    run = (answer.experiment, answer.arm, answer.seed)
    return (*run, answer.split, answer.baseline, answer.copy, answer.iteration)


def _turned(answers: Sequence[Answered]) -> Iterator[Answered]:
    """Says of each answer whether the one before it in its run was otherwise."""
    before: dict[tuple[object, ...], bool] = {}
    for answer in answers:
        line, right = _line(answer), answer.row.correct
        turned: Turned | None = None
        if before.get(line, right) != right:
            turned = "fixed" if right else "broken"
        before[line] = right
        yield replace(answer, turned=turned)


def _shown(experiments: Sequence[Results], item: str) -> Iterator[Showing]:
    stages = {stage.key: stage for results in experiments for stage in results.stages}
    for stage in stages.values():
        if stage.kind != "generate" or not stage.done:
            continue
        # The id stands in no other place of an example than in what it was shown.
        rows = matching(stage.port("candidates") / EXAMPLES, Example, item, anywhere=True)
        mine = [row for row in rows if row.provenance and item in row.provenance.shown]
        if mine:
            yield Showing(stage=stage, examples=tuple(mine))
