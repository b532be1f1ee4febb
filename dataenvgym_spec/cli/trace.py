"""`dataenvgym trace`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json
from dataenvgym_spec.cli.history import (
    effect_lines,
    effect_record,
    history_lines,
    history_record,
)
from dataenvgym_spec.cli.replies import response_lines, text_lines
from dataenvgym_spec.core.errors import UserError, visible
from dataenvgym_spec.results.answered import histories
from dataenvgym_spec.results.effects import Effect, effects
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.results.taught.learners import Learner
from dataenvgym_spec.results.trace import Trace, traces
from dataenvgym_spec.store.indexes import compiled

DECIDED: Final = 4
"""Questions that an agent asked for a plan, as far as people are shown them."""


MOST: Final = 20
"""Examples and items that are told in full; of more, and of each kind, so many ids are listed."""
_WHERE: Final = (
    "ids are in store/generate-*/out/candidates/examples.jsonl, once an engine has run, "
    "and in store/evaluate-*/out/*/results.jsonl"
)


@click.command("trace")
@click.argument("id", metavar="EXAMPLE|ITEM")
@click.option("--experiment", metavar="NAME", help="Look in this experiment only.")
@as_json
def command(id: str, experiment: str | None, as_json: bool) -> None:
    """Say where a generated example comes from and what became of it: the student's errors that
    the prompt showed, the plan and its reason, what teachers were asked and replied, which check
    objected, the students that it taught, and the items that these fixed or broke.

    Of an item of a split, say all that was ever answered to it, by which student of which arm, seed
    and iteration, who fixed or broke it, and for which examples it was shown to a teacher.

    The argument is an id, or the first signs of it; where many begin so, they are listed. The same
    question may be made more than once.

    \b
    Example:
      dataenvgym trace 3f9c2a71b04de615
    """
    if not id.strip():
        raise UserError("the id is empty", help=_WHERE)
    layout = layout_here()
    names = compiled(layout) if experiment is None else [experiment]
    experiments = [load(name, layout.root) for name in names]
    found = list(traces(experiments, id))
    items = histories(experiments, id)
    if not found and not items:
        where = f"in '{experiment}'" if experiment else f"in {plural(len(names), 'experiment')}"
        message = f"no generated example and no item has the id '{id}' {where}"
        raise UserError(message, help=_WHERE)
    if as_json:
        records = [trace_record(trace) | _effects(experiments, trace) for trace in found]
        print_json([*records, *map(history_record, items)])
        return
    if len(found) + len(items) > MOST:
        _list(id, "example", (trace.example.id for trace in found))
        _list(id, "item", (history.item.id for history in items))
        return
    parts = [_told(experiments, trace) for trace in found]
    parts += [history_lines(item) for item in items]
    for number, lines in enumerate(parts):
        if number:
            click.echo()
        for line in lines:
            click.echo(line)


def _list(begin: str, word: str, ids: Iterable[str]) -> None:
    """Says which ids begin so, where there are too many to tell of each."""
    unique = list(dict.fromkeys(ids))
    if unique:
        click.echo(f"{plural(len(unique), word)} whose id begins with '{visible(begin)}':")
    for one in unique[:MOST]:
        click.echo(f"  {visible(one)}")
    if len(unique) > MOST:
        click.echo(f"  and {len(unique) - MOST} more; say more of the id, or --json")


def _told(experiments: Sequence[Results], trace: Trace) -> Iterator[str]:
    """One example, back to the errors and forward to the items."""
    yield from trace_lines(trace)
    yield from effect_lines(list(_followed(experiments, trace)))


def _effects(experiments: Sequence[Results], trace: Trace) -> dict[str, Any]:
    return {"effects": [effect_record(one) for one in _followed(experiments, trace)]}


def _followed(experiments: Sequence[Results], trace: Trace) -> Iterator[Effect]:
    return effects(experiments, [learner.stage for learner in trace.trained])


def trace_lines(trace: Trace) -> Iterator[str]:
    """The chain of one example, for people."""
    example = trace.example
    yield f"{example.id}  {_fate(trace)}"
    yield from text_lines("input", example.input)
    yield from text_lines("target", example.target)
    for error in trace.errors:
        yield f"error {visible(error.id)}"
        yield from text_lines("input", error.input)
        yield from text_lines("target", error.target)
        yield from text_lines("student", error.prediction)
    if trace.plan is not None:
        yield f"planned  {_stage(trace.plan)}"
    for response in trace.decided[:DECIDED]:
        yield from response_lines(response)
    if len(trace.decided) > DECIDED:
        yield f"   and {len(trace.decided) - DECIDED} further questions, which --json has"
    if trace.request is not None:
        request = trace.request
        about = f"{request.skill}, {request.subskill}" if request.subskill else request.skill
        reason = f": {visible(trace.reason)}" if trace.reason else ""
        yield f"   {request.count} examples of {visible(about)}{reason}"
        if request.brief:
            yield from text_lines("brief", request.brief)
    yield f"made     {_stage(trace.generate)}{_writer(trace)}"
    for response in trace.asked:
        yield from response_lines(response)
    if trace.check is not None:
        yield f"checked  {_stage(trace.check)}"
    for name, note in (trace.notes or {}).items():
        yield f"   {visible(name)} noted: {visible(note)}"
    for response in trace.verified:
        yield from response_lines(response)
    for learner in trace.trained:
        doubt = f" ({learner.doubt})" if learner.doubt else ""
        yield f"taught   {_stage(learner.stage)}{doubt}"
    if trace.given and not trace.trained:
        yield "taught   no student: no training took it"


def _fate(trace: Trace) -> str:
    if trace.rejected is not None:
        rejected = trace.rejected
        return f"rejected by {visible(rejected.check)}: {visible(rejected.reason)}"
    if trace.check is None:
        return "not checked yet"
    return "accepted" if trace.accepted else "surplus: enough was accepted before it"


def _stage(stage: StageResult) -> str:
    more = f" (and {len(stage.uses) - 1} more)" if len(stage.uses) > 1 else ""
    return f"{stage.uses[0].label}{more}, store/{stage.path.name}"


def _writer(trace: Trace) -> str:
    made = trace.example.provenance
    if made is None:
        return ""
    return f", by {visible(made.teacher)}" + (f" ({visible(made.model)})" if made.model else "")


def trace_record(trace: Trace) -> dict[str, Any]:
    """The chain of one example, for programs: all of it."""
    plan, check, request = trace.plan, trace.check, trace.request
    rejected = trace.rejected
    return {
        "example": trace.example.plain(),
        "experiments": list(trace.experiments),
        "errors": [error.plain() for error in trace.errors],
        "plan": None if plan is None else plan.path.name,
        "request": None if request is None else request.plain(),
        "reason": trace.reason or None,
        "decided": [response.plain() for response in trace.decided],
        "generate": trace.generate.path.name,
        "asked": [response.plain() for response in trace.asked],
        "check": None if check is None else check.path.name,
        "accepted": trace.accepted,
        "rejected": rejected and {"check": rejected.check, "reason": rejected.reason},
        "notes": trace.notes or {},
        "verified": [response.plain() for response in trace.verified],
        "trained": [_trained(learner) for learner in trace.trained],
    }


def _trained(learner: Learner) -> dict[str, Any]:
    stage = learner.stage
    uses = [use.plain() for use in stage.uses]
    named = {"stage": stage.path.name, "done": stage.done, "uses": uses}
    return {**named, "doubt": learner.doubt or None}
