"""Checks candidates in the order of their requests and accepts them up to the planned amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack

from dataenvgym_spec.core.streamed import Streamed
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.media import image_files, writing_items
from dataenvgym_spec.execute.yields import Fates, with_reasons, yields
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import CheckParams
from dataenvgym_spec.gym.checks.judge import Judged, counts, judging, parted
from dataenvgym_spec.gym.checks.protocol import Sight, answers_of, rates_of
from dataenvgym_spec.gym.checks.taken import Taken
from dataenvgym_spec.gym.tasks.ahead import Ahead
from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.spec import Observe
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.files import read, writing_rows
from dataenvgym_spec.records.plans import Plan, Yield
from dataenvgym_spec.records.splits import Reserve


def check(context: Context[CheckParams]) -> None:
    """Writes what is accepted, what the agent may see of it, and what is rejected with reasons.

    The amount is cut at a prefix of the request order, so that it never depends on who answered
    first. Examples are read, judged and written one after the other: there may be a million.
    """
    asked = read(context.path("plan", "plan.json"), Plan).asked()
    before = context.table("yield", "yield.json", Yield) or {}
    had = {name: given.accepted for name, given in before.items()}
    quota = {request.id: request.count - had.get(request.id, 0) for request in asked}
    observe = context.params.observe
    told = isinstance(observe, Observe) and observe.yield_ == "reasons"
    fates, tally = Fates(), dict[str, Counter[str]]()
    candidates = context.each("candidates", "examples.jsonl", Example)
    counted = Streamed(lambda: _counted(candidates, fates))
    _write(context, _verdicts(context, counted, quota, tally), fates, reasons=told)
    given = yields(asked, before, fates.accepted)
    if told:
        given = with_reasons(given, before, fates, context.params.checks)
    context.write_table("yield", "yield.json", given)
    context.write("rejected", "tally.json", counts(tally))
    context.record(candidates=fates.candidates.total(), accepted=fates.accepted.total())
    rejected = totals(tally)
    rejected.pop("accepted", None)
    if rejected:
        context.record(rejected=dict(sorted(rejected.items())))
    context.say(f"  {_totals(tally) or 'nothing to check'}{_short(given)}")


def _counted(candidates: Iterable[Example], fates: Fates) -> Iterator[Example]:
    """Candidates, counted by request."""
    fates.candidates.clear()
    for example in candidates:
        fates.candidates[example.asked_by] += 1
        yield example


def _verdicts(
    context: Context[CheckParams],
    candidates: Iterable[Example],
    quota: Mapping[str, int],
    tally: dict[str, Counter[str]],
) -> Iterator[Example | Rejected]:
    """What becomes of each candidate that is judged."""
    if next(iter(candidates), None) is None:
        # A refill that was not needed: a scorer's imports would be all it does.
        return
    checks = [_judged(context, component) for component in context.params.checks]
    scorer = Ahead(context.judge(context.params.score), _is_computed)
    sight = _sight(context, scorer)
    yield from judging(scorer.following(candidates), quota, checks, sight, tally)


def _write(
    context: Context[CheckParams],
    verdicts: Iterable[Example | Rejected],
    fates: Fates,
    *,
    reasons: bool,
) -> None:
    """Writes what is accepted and what is rejected, and what was noted apart of it."""
    name, apart = "examples.jsonl", context.params.apart
    with ExitStack() as stack:
        accept = stack.enter_context(writing_items(context, "accepted", name))
        reject = stack.enter_context(writing_items(context, "rejected", name))
        if apart is not None:
            note = stack.enter_context(writing_rows(context.out("rejected", "noted.jsonl")))
        for example in verdicts:
            if isinstance(example, Rejected):
                reject(example)
                if reasons:
                    fates.reject(example)
                continue
            fates.accepted[example.asked_by] += 1
            kept, notes = parted(example, apart or ())
            accept(kept)
            if notes is not None:
                note(notes)


def _judged(context: Context[CheckParams], component: Component) -> Judged:
    action, reads = component.options["action"], component.definition.reads
    made = context.make(component)
    return Judged(name=component.kind, action=action, reads=reads, check=made)


def _sight(context: Context[CheckParams], scorer: Scorer) -> Sight:
    earlier = Taken()
    for example in context.each("accepted", "examples.jsonl", Example):
        earlier.add(example.id, example.input)
    answers, rates = None, None
    if context.ports("answers"):
        rows = context.all("answers", "results.jsonl", Result)
        answers, rates = answers_of(rows), rates_of(rows)
    return Sight(
        scorer=scorer,
        accepted=earlier,
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
