"""Every generated example of an experiment with its whole history, read in one pass.

`results.trace` follows one example; reading ten thousand like that would scan each file as often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from dataenvgym_spec.records.examples import Example, Notes, Rejected
from dataenvgym_spec.records.plans import Plan, Request, ShownError
from dataenvgym_spec.records.responses import RESPONSES, LoggedResponse
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import StageResult, read_records
from dataenvgym_spec.results.trace import EXAMPLES

ACCEPTED, SURPLUS = "accepted", "surplus"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The examples that one check judged, with the stages before and after it.

    Attributes:
        check: the stage that judged them.
        generate: the stage that made them; None where they were not made, but taken.
        plan: what asked for them; None if that is not of this experiment.
        trained: the stages whose students the accepted ones taught.
    """

    check: StageResult
    generate: StageResult | None
    plan: Plan | None
    trained: tuple[StageResult, ...]

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

    def fates(self) -> Iterator[tuple[Example, str]]:
        """Every example with what became of it: accepted, surplus, or the check that objected.

        An accepted one is as the check has it, with its notes, a rejected one with the reason.
        """
        accepted = self.check.rows("accepted", EXAMPLES, Example)
        rejected = self.check.rows("rejected", EXAMPLES, Rejected)
        for example in accepted:
            yield example, ACCEPTED
        for refused in rejected:
            yield refused, refused.check
        seen = {_same(example) for example in (*accepted, *rejected)}
        generate = self.generate
        for example in generate.rows("candidates", EXAMPLES, Example) if generate else ():
            if _same(example) not in seen:
                yield example, SURPLUS

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
        taught = (stage for stage in results.stages if check.key in stage.inputs)
        yield Judged(
            check=check,
            generate=generate,
            plan=None if plan is None else plans[plan.key],
            trained=tuple(stage for stage in taught if stage.kind == "train"),
        )


def _same(example: Example) -> tuple[str, object]:
    """What tells an example from another one: the same question may be made again."""
    return example.id, example.provenance


def _responses(stage: StageResult | None) -> Mapping[str, tuple[LoggedResponse, ...]]:
    if stage is None or not (stage.path / "log" / RESPONSES).is_file():
        return {}
    return _grouped(read_records(stage.path / "log" / RESPONSES, LoggedResponse))


def _grouped(rows: Iterable[LoggedResponse]) -> Mapping[str, tuple[LoggedResponse, ...]]:
    found: dict[str, list[LoggedResponse]] = {}
    for row in rows:
        # A question may be answered more than once: "r1/0 (answer 2)".
        found.setdefault(row.ask.partition(" (answer ")[0], []).append(row)
    return {ask: tuple(mine) for ask, mine in found.items()}
