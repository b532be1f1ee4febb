"""Checks candidates in the order of their requests and accepts them up to the planned amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.media import image_files, write_items
from dataenvgym_spec.execute.yields import with_reasons, yields
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import CheckParams
from dataenvgym_spec.gym.checks.judge import Judged, Verdict, judge, set_apart
from dataenvgym_spec.gym.checks.protocol import Sight, answers_of, rates_of
from dataenvgym_spec.gym.tasks.ahead import Ahead
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.spec import Observe
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.plans import Plan, Yield
from dataenvgym_spec.records.splits import Reserve


def check(context: Context[CheckParams]) -> None:
    """Writes what is accepted, what the agent may see of it, and what is rejected with reasons.

    The amount is cut at a prefix of the request order, so that it never depends on who answered
    first.
    """
    asked = read(context.path("plan", "plan.json"), Plan).asked()
    before = context.table("yield", "yield.json", Yield) or {}
    had = {name: given.accepted for name, given in before.items()}
    quota = {request.id: request.count - had.get(request.id, 0) for request in asked}
    candidates = context.all("candidates", "examples.jsonl", Example)
    verdict = Verdict()
    if candidates:  # else a refill that was not needed: a scorer's imports would be all it does
        checks = [_judged(context, component) for component in context.params.checks]
        verdict = judge(candidates, quota, checks, _sight(context, candidates))
    accepted = verdict.accepted
    if context.params.apart is not None:
        accepted, notes = set_apart(accepted, context.params.apart)
        context.write_rows("rejected", "noted.jsonl", notes)
    given = yields(asked, before, accepted)
    observe = context.params.observe
    if isinstance(observe, Observe) and observe.yield_ == "reasons":
        judging = context.params.checks
        given = with_reasons(given, before, candidates, verdict.rejected, judging)
    write_items(context, "accepted", "examples.jsonl", accepted)
    context.write_table("yield", "yield.json", given)
    write_items(context, "rejected", "examples.jsonl", verdict.rejected)
    context.write("rejected", "tally.json", verdict.counts())
    context.record(candidates=len(candidates), accepted=len(accepted))
    rejected = totals(verdict.tally)
    rejected.pop("accepted", None)
    if rejected:
        context.record(rejected=dict(sorted(rejected.items())))
    context.say(f"  {_totals(verdict.tally) or 'nothing to check'}{_short(given)}")


def _judged(context: Context[CheckParams], component: Component) -> Judged:
    action, reads = component.options["action"], component.definition.reads
    made = context.make(component)
    return Judged(name=component.kind, action=action, reads=reads, check=made)


def _sight(context: Context[CheckParams], candidates: Sequence[Example]) -> Sight:
    earlier = context.all("accepted", "examples.jsonl", Example)
    answers, rates = None, None
    if context.ports("answers"):
        rows = context.all("answers", "results.jsonl", Result)
        answers, rates = answers_of(rows), rates_of(rows)
    computed = (one.item() for one in candidates if _is_computed(one))
    return Sight(
        scorer=Ahead(context.judge(context.params.score), computed),
        accepted={example.id: example.input for example in earlier},
        reserve=context.one("reserve", "reserve.json", Reserve),
        answers=answers,
        rates=rates,
        file=image_files(context),
    )


def _is_computed(example: Example) -> bool:
    """Whether a generator made it, and no language model."""
    if example.provenance is None:
        return False
    teacher = definitions()["teacher"].get(example.provenance.teacher)
    return teacher is not None and teacher.procedural


def _short(given: Mapping[str, Yield]) -> str:
    """How much of the planned amount there is so far, if some is missing."""
    accepted = sum(one.accepted for one in given.values())
    asked = sum(one.requested for one in given.values())
    return f"; {accepted} of {asked} asked for" if accepted < asked else ""


def totals(tally: Mapping[str, Counter[str]]) -> Counter[str]:
    """How many candidates were accepted, surplus, or rejected by each check."""
    sums: Counter[str] = Counter()
    for count in tally.values():
        sums.update(count)
    return sums


def _totals(tally: Mapping[str, Counter[str]]) -> str:
    """The same in words."""
    return ", ".join(f"{count} {what}" for what, count in sorted(totals(tally).items()))
