"""Generated examples of an experiment with their whole history, read in one pass.

`results.trace` follows one example; reading ten thousand like that would scan each file as often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final

from dataenvgym_spec.records.examples import Example, Notes, Provenance, Rejected
from dataenvgym_spec.records.files import whole
from dataenvgym_spec.records.plans import Plan, Request, ShownError
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.responses import RESPONSES, LoggedResponse
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import EXAMPLES, StageResult, each_record, stored
from dataenvgym_spec.results.taught.learners import Learner, Learners

ACCEPTED, SURPLUS = "accepted", "surplus"
ALL: Final = Fraction(1)


class _Made(Record, frozen=True, kw_only=True):
    """Of an example no more than what tells it from others."""

    id: str
    provenance: Provenance | None = None


class _Asked(Record, frozen=True, kw_only=True):
    """Of a response no more than what was asked."""

    ask: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of an example.

    Attributes:
        fate: accepted, surplus, or the check that objected.
        learners: the trainings that took it.
    """

    example: Example
    fate: str
    learners: tuple[Learner, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The examples that one check judged, with the stages before and after it.

    Attributes:
        check: the stage that judged them.
        generate: the stage that made them; None where they were not made, but taken.
        plan: what asked for them; None if that is not of this experiment.
        learners: the trainings of the experiment.
    """

    check: StageResult
    generate: StageResult | None
    plan: Plan | None
    learners: Learners

    @cached_property
    def errors(self) -> Mapping[str, ShownError]:
        """The student's errors that the plan holds, by the ids of their items."""
        plan = self.plan
        if plan is None:
            return {}
        return {error.id: error for errors in plan.errors.values() for error in errors}

    @cached_property
    def requests(self) -> Mapping[str, Request]:
        """What the plan asked for, by its names."""
        plan = self.plan
        return {} if plan is None else {request.id: request for request in plan.asked()}

    @cached_property
    def asked(self) -> Mapping[str, tuple[LoggedResponse, ...]]:
        """What teachers were asked to make examples, by the names of the questions."""
        return _responses(self.generate)

    @cached_property
    def verified(self) -> Mapping[str, tuple[LoggedResponse, ...]]:
        """What the check asked teachers, by the ids of examples."""
        return _responses(self.check)

    @cached_property
    def amounts(self) -> tuple[int, int, int]:
        """How many examples were accepted, rejected and made; none of them is read."""
        made = 0 if self.generate is None else self.generate.count("candidates", EXAMPLES)
        accepted = self.check.count("accepted", EXAMPLES)
        return accepted, self.check.count("rejected", EXAMPLES), made

    @property
    def amount(self) -> int:
        """How many examples there are in all."""
        accepted, rejected, made = self.amounts
        return max(accepted + rejected, made)

    def fates(self, share: Fraction = ALL) -> Iterator[Fate]:
        """Examples with what became of them.

        An accepted one is as the check has it, with its notes, a rejected one with the reason.

        Args:
            share: how many of them; some are then taken evenly from those of each fate, and only
                these are read whole.
        """
        check, generate = self.check, self.generate
        accepted, rejected, made = self.amounts
        wanted = _share(accepted, share)
        for row, example in check.numbered("accepted", EXAMPLES, Example, wanted):
            learned = self.learners.of(check, row, example.id)
            yield Fate(example=example, fate=ACCEPTED, learners=learned)
        for refused in check.each("rejected", EXAMPLES, Rejected, _share(rejected, share)):
            yield Fate(example=refused, fate=refused.check)
        surplus = made - accepted - rejected
        if generate is None or not surplus:
            return
        wanted, seen = _share(max(surplus, 1), share), set(self._judged())
        for example in generate.each("candidates", EXAMPLES, Example):
            if hash(_same(example)) not in seen and wanted(""):
                yield Fate(example=example, fate=SURPLUS)

    def _judged(self) -> Iterator[int]:
        """What tells which examples were judged; of a million not the examples themselves."""
        for port in ("accepted", "rejected"):
            for one in self.check.each(port, EXAMPLES, _Made):
                yield hash((one.id, one.provenance))

    @cached_property
    def noted(self) -> Mapping[str, Mapping[str, str]]:
        """What checks recorded apart of the examples, by id."""
        if not (self.check.port("rejected") / "noted.jsonl").is_file():
            return {}
        rows = self.check.rows("rejected", "noted.jsonl", Notes)
        return {row.id: row.notes for row in rows}


def judged(results: Results) -> Iterator[Judged]:
    """The finished checks of an experiment, in the order of the pipeline."""
    stages = {stage.key: stage for stage in results.stages}
    learners = Learners(results.stages)
    plans: dict[str, Plan | None] = {}
    for check in results.stages:
        if check.kind != "check" or not check.done or check.passed:
            continue
        read = [stages[key] for key in check.inputs if key in stages]
        generate = next((stage for stage in read if stage.kind == "generate"), None)
        above = () if generate is None else generate.inputs
        asking = (stages[key] for key in above if key in stages)
        plan = next((stage for stage in asking if stage.kind == "plan"), None)
        if plan is not None and plan.key not in plans:
            plans[plan.key] = plan.record("plan", "plan.json", Plan)
        yield Judged(
            check=check,
            generate=generate,
            plan=None if plan is None else plans[plan.key],
            learners=learners,
        )


def evenly(amount: int, kept: int) -> Callable[[str], bool]:
    """Says of row after row whether it is among those that are taken, evenly from all.

    >>> taken = evenly(1_000, 250)
    >>> [number for number in range(1_000) if taken("a row")][:3]
    [3, 7, 11]

    Args:
        amount: of the rows.
        kept: how many of them.
    """
    numbers = count()

    def wanted(line: str) -> bool:
        if not whole(line):
            return False
        number = next(numbers)
        return (number + 1) * kept // amount > number * kept // amount

    return wanted


def _share(amount: int, share: Fraction) -> Callable[[str], bool]:
    """The same with a share of the rows, but one at least."""
    return evenly(amount, min(amount, max(1, int(share * amount))))


def _same(example: Example) -> tuple[str, object]:
    """What tells an example from another one: the same question may be made again."""
    return example.id, example.provenance


class Replies(Mapping[str, tuple[LoggedResponse, ...]]):
    """What teachers were asked, by the names of the questions, each read when it is looked at."""

    def __init__(self, path: Path) -> None:
        """Args: the log."""
        self._rows = stored(path, LoggedResponse)
        self._places: dict[str, list[int]] = {}
        for number, row in enumerate(each_record(path, _Asked)):
            # A question may be answered more than once: "r1/0 (answer 2)".
            self._places.setdefault(row.ask.partition(" (answer ")[0], []).append(number)

    def __getitem__(self, ask: str) -> tuple[LoggedResponse, ...]:
        return tuple(self._rows[number] for number in self._places[ask])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _responses(stage: StageResult | None) -> Mapping[str, tuple[LoggedResponse, ...]]:
    if stage is None or not (stage.path / "log" / RESPONSES).is_file():
        return {}
    return Replies(stage.path / "log" / RESPONSES)
