"""Some generated examples with where they come from: accepted ones of every skill, rejected ones of every check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.results.experiment import Results, Row, Run

ACCEPTED: Final = 6
REJECTED: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A generated example and its provenance.

    Attributes:
        arm: the arm whose data it is.
        skill: what it was requested for.
        question: its input.
        answer: its target.
        plan: the plan that asked for it, and why it did.
        origin: iteration, round, request and teacher.
        error: an error of the student in this skill that the plan saw; empty if it saw none.
        check: the check that rejected it; empty if it was accepted.
        reason: the check's words.
    """

    arm: str
    skill: str
    question: str
    answer: str
    plan: str
    origin: str
    error: str
    check: str = ""
    reason: str = ""


def samples(results: Results) -> tuple[Sample, ...]:
    """A few examples of the first run of each arm: accepted ones over skills and iterations, then rejected ones over checks."""
    first = {run.arm: run for run in reversed(results.runs)}
    return tuple(
        sample
        for arm in results.index["arms"]
        for sample in (*_accepted(first[arm]), *_rejected(first[arm]))
    )


def _accepted(run: Run) -> Iterator[Sample]:
    """One of each skill in turn, from one iteration after the other."""
    turns = run.iterations[1:]
    by_turn = [_first_of_skill(turn.accepted) for turn in turns]
    skills = sorted({skill for found in by_turn for skill in found})[:ACCEPTED]
    for number, skill in enumerate(skills):
        holders = [index for index, found in enumerate(by_turn) if skill in found]
        index = holders[number % len(holders)]
        yield _sample(run.arm, by_turn[index][skill], turns[index].plan)


def _rejected(run: Run) -> Iterator[Sample]:
    """One of every check in each iteration, of the skill that was shown least so far, until there are enough."""
    shown: Counter[str] = Counter()
    for turn in run.iterations[1:]:
        rejected = turn.rejected
        for check in sorted({row["check"] for row in rejected}):
            if shown.total() < REJECTED:
                row = min(
                    (row for row in rejected if row["check"] == check),
                    key=lambda row: shown[row["skill"]],
                )
                shown[row["skill"]] += 1
                yield _sample(run.arm, row, turn.plan)


def _first_of_skill(rows: Iterable[Row]) -> dict[str, Row]:
    out: dict[str, Row] = {}
    for row in rows:
        out.setdefault(row["skill"], row)
    return out


def _sample(arm: str, row: Row, plan: Row | None) -> Sample:
    source = row["provenance"]
    asked = (plan or {}).get("allocation", {}).get(row["skill"])
    why = (plan or {}).get("reasons", {}).get(row["skill"], "no reason given")
    return Sample(
        arm=arm,
        skill=row["skill"],
        question=row["input"],
        answer=row["target"],
        plan=f"plan {source['plan'][:8]} asked for {asked}: {why}",
        origin=f"iteration {source['iteration']}, round {source['round']}, request {source['request']}, teacher {source['teacher']}",
        error=_error((plan or {}).get("errors", {}).get(row["skill"], [])),
        check=row.get("check", ""),
        reason=row.get("reason", ""),
    )


def _error(errors: list[Row]) -> str:
    return (
        f'To "{errors[0]["input"]}" the student had answered "{errors[0]["prediction"]}", not "{errors[0]["target"]}".'
        if errors
        else ""
    )
