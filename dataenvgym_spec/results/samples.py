"""Some generated examples with their whole provenance: accepted ones and rejected ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.files import whole
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import EXAMPLES, StageResult
from dataenvgym_spec.results.taught.learners import Learners
from dataenvgym_spec.results.trace import Trace, trace_of

ACCEPTED: Final = 6
REJECTED: Final = 6
SAID: Final = re.compile(r'"(?:check|skill)": "(?:[^"\\]|\\.)*"')
"""What a row says of its check and skill; nothing within a text of it looks like that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A generated example of the first run of an arm, and where it comes from."""

    arm: str
    seed: int
    trace: Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An example and the stage that judged it."""

    example: Example
    check: StageResult


def samples(results: Results) -> tuple[Sample, ...]:
    """A few examples of the first run of each arm.

    Accepted ones are taken over skills and iterations, rejected ones over checks.
    """
    stages = {stage.key: stage for stage in results.stages}
    learners = Learners(results.stages)
    found: list[Sample] = []
    for arm in results.index.arms:
        first = results.of_arm(arm)[0]
        for one in (*_accepted(first), *_rejected(first)):
            trace = trace_of(one.example, one.check, stages, learners)
            found.append(Sample(arm=arm, seed=first.seed, trace=trace))
    return tuple(found)


def _accepted(run: Run) -> Iterator[_Found]:
    """One of each skill in turn, from one iteration after the other."""
    firsts = [_first_of_skill(turn) for turn in run.iterations[1:]]
    skills = sorted({skill for examples in firsts for skill in examples})
    for number, skill in enumerate(skills[:ACCEPTED]):
        holders = [examples for examples in firsts if skill in examples]
        yield holders[number % len(holders)][skill]


def _first_of_skill(turn: Iteration) -> dict[str, _Found]:
    firsts: dict[str, _Found] = {}
    for check in turn.of("check"):
        for example in check.each("accepted", EXAMPLES, Example, _unlike()):
            firsts.setdefault(example.skill, _Found(example=example, check=check))
    return firsts


def _unlike() -> Callable[[str], bool]:
    """Says of a row, as text, whether none had its check and its skill: of a million few do."""
    known: set[tuple[str, ...]] = set()

    def wanted(line: str) -> bool:
        said = tuple(SAID.findall(line))
        if said and said in known:
            return False
        known.add(said)
        return whole(line)

    return wanted


def _rejected(run: Run) -> Iterator[_Found]:
    """One of every check in each iteration, until there are enough.

    Of a check's examples the skill comes first that was shown least so far.
    """
    shown: Counter[str] = Counter()
    for turn in run.iterations[1:]:
        by_check = _by_check(turn)
        for check in sorted(by_check):
            if shown.total() == REJECTED:
                return
            found = _least_shown(by_check[check], shown)
            shown[found.example.skill] += 1
            yield found


def _by_check(turn: Iteration) -> dict[str, list[_Found]]:
    """The first example of each skill that a check rejected, by check."""
    by_check: dict[str, dict[str, _Found]] = {}
    for stage in turn.of("check"):
        for example in stage.each("rejected", EXAMPLES, Rejected, _unlike()):
            firsts = by_check.setdefault(example.check, {})
            firsts.setdefault(example.skill, _Found(example=example, check=stage))
    return {check: list(firsts.values()) for check, firsts in by_check.items()}


def _least_shown(examples: Sequence[_Found], shown: Counter[str]) -> _Found:
    return min(examples, key=lambda found: shown[found.example.skill])
