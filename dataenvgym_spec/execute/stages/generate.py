"""Executes a plan: candidate examples with their provenance.

Imports no model when the teacher is procedural.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.media import image_files, write_items
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import GenerateParams
from dataenvgym_spec.gym.engines.protocol import Engine
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.items import form_or_usual
from dataenvgym_spec.records.plans import Plan, Request, Yield


def generate(context: Context[GenerateParams]) -> None:
    """Writes candidates for what the plan asks, or in a refill for what is still missing."""
    if context.shards is not None and context.desk is not None:
        found = context.shards.responses(context.say)
        context.shared(found)
        context.desk.take(found.responses)
    plan = read(context.path("plan", "plan.json"), Plan)
    asked = plan.asked()
    given = context.table("yield", "yield.json", Yield) or {}
    requests = missing(asked, given)
    images = Images()
    rows = _candidates(context, requests, plan, images) if requests else ()
    count = write_items(context, "candidates", "examples.jsonl", rows, images)
    amount = sum(request.count for request in requests)
    context.record(requested=amount, candidates=count)
    context.say(f"  {count} candidates for {amount} examples asked for")


def missing(asked: Sequence[Request], given: Mapping[str, Yield]) -> list[Request]:
    """What is still to be made, in the order of the requests.

    >>> asked = [Request(id="sum", count=5, skill="sum")]
    >>> short = missing(asked, {"sum": Yield(requested=5, accepted=3)})
    >>> [request.count for request in short]
    [2]
    """
    requests = []
    for request in asked:
        covered = given[request.id].accepted if request.id in given else 0
        if covered < request.count:
            requests.append(msgspec.structs.replace(request, count=request.count - covered))
    return requests


def _candidates(
    context: Context[GenerateParams], requests: Sequence[Request], plan: Plan, images: Images
) -> Iterator[Example]:
    """Candidates, each as soon as it is made; what the engine counted is recorded at the end."""
    params = context.params
    engine: Engine = context.make(params.engine)
    later = () if params.agent_round is None else (params.agent_round,)
    seed = seed_from("generate", params.seed, params.iteration, params.round, *later)
    names = {request.id for request in requests}
    scorer = None if params.score is None else context.judge(params.score)
    tools = Tools(
        seed=seed,
        errors=plan.errors,
        groups=plan.groups or {},
        scorer=scorer,
        existing=context.all("accepted", "examples.jsonl", Example),
        form=form_or_usual(params.form),
        images=images,
        file=image_files(context),
    )
    for number, example in enumerate(engine.generate(requests, tools)):
        if example.asked_by not in names:
            raise _unasked(params.engine.kind, example)
        provenance = msgspec.structs.replace(
            example.provenance or Provenance(),
            iteration=params.iteration,
            round=params.round,
            agent_round=params.agent_round,
            plan=context.key_of("plan"),
            teacher=_writer(params.engine),
            request=number,
        )
        yield msgspec.structs.replace(example, provenance=provenance)
    tokens = getattr(engine, "tokens", None)  # of an engine that asks a model
    if tokens:
        context.record(tokens=tokens)
    device = getattr(engine, "device", None)  # of an engine whose painter runs a model
    if device:
        context.record(device=device)
    counts = {**(getattr(engine, "counts", None) or {}), **images.bad}
    if counts:
        context.record(made={name: count for name, count in sorted(counts.items()) if count})


def _unasked(engine: str, example: Example) -> StageError:
    """An example that no request asks for."""
    message = f"the engine '{engine}' made an example for '{example.asked_by}', "
    message += "which is the name of no request"
    help = "an engine makes each with Example.of(item, request)"
    return StageError(message, help=help)


def _writer(engine: Component) -> str:
    """The kind of the teacher that an engine names; of one that asks nobody its own.

    An engine that names a procedural teacher and is not declared to be procedural itself may ask a
    model all the same, such as the student that it reads: then what it makes is its own.
    """
    teacher = engine.part("teacher")
    if teacher is None or (teacher.procedural and not engine.procedural):
        return engine.kind
    return teacher.kind
