"""Some generated examples with where they come from: accepted ones and rejected ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.plans import Plan, ShownError
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run

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
    """A few examples of the first run of each arm.

    Accepted ones are taken over skills and iterations, rejected ones over checks.
    """
    found: list[Sample] = []
    for arm in results.index.arms:
        first = results.of_arm(arm)[0]
        found += _accepted(first)
        found += _rejected(first)
    return tuple(found)


def _accepted(run: Run) -> Iterator[Sample]:
    """One of each skill in turn, from one iteration after the other."""
    turns = run.iterations[1:]
    firsts = [_first_of_skill(turn.accepted) for turn in turns]
    skills = sorted({skill for examples in firsts for skill in examples})
    for number, skill in enumerate(skills[:ACCEPTED]):
        holders = [index for index, examples in enumerate(firsts) if skill in examples]
        index = holders[number % len(holders)]
        yield _sample(run.arm, firsts[index][skill], turns[index].plan)


def _first_of_skill(examples: Iterable[Example]) -> dict[str, Example]:
    firsts: dict[str, Example] = {}
    for example in examples:
        firsts.setdefault(example.skill, example)
    return firsts


def _rejected(run: Run) -> Iterator[Sample]:
    """One of every check in each iteration, until there are enough.

    Of a check's examples the skill comes first that was shown least so far.
    """
    shown: Counter[str] = Counter()
    for turn in run.iterations[1:]:
        rejected = turn.rejected
        for check in sorted({example.check for example in rejected}):
            if shown.total() == REJECTED:
                return
            mine = [example for example in rejected if example.check == check]
            example = _least_shown(mine, shown)
            shown[example.skill] += 1
            yield _sample(run.arm, example, turn.plan)


def _least_shown(examples: Sequence[Rejected], shown: Counter[str]) -> Rejected:
    return min(examples, key=lambda example: shown[example.skill])


def _sample(arm: str, example: Example, plan: Plan | None) -> Sample:
    check, reason = "", ""
    if isinstance(example, Rejected):
        check, reason = example.check, example.reason
    return Sample(
        arm=arm,
        skill=example.skill,
        question=example.input,
        answer=example.target,
        plan=_why(example, plan),
        origin=_origin(example),
        error=_error(plan.errors.get(example.skill, ()) if plan else ()),
        check=check,
        reason=reason,
    )


def _why(example: Example, plan: Plan | None) -> str:
    asked: int | None = None
    reason = "no reason given"
    if plan is not None:
        asked = plan.allocation.get(example.skill)
        reason = plan.reasons.get(example.skill, reason)
    key = example.provenance.plan if example.provenance else ""
    return f"plan {key[:8]} asked for {asked}: {reason}"


def _origin(example: Example) -> str:
    source = example.provenance
    if source is None:
        return "of unknown origin"
    place = f"iteration {source.iteration}, round {source.round}"
    return f"{place}, request {source.request}, teacher {source.teacher}"


def _error(errors: Sequence[ShownError]) -> str:
    if not errors:
        return ""
    error = errors[0]
    answer = f'the student had answered "{error.prediction}", not "{error.target}".'
    return f'To "{error.input}" {answer}'
