"""Executes a plan: candidate examples with their provenance.

Imports no model when the teacher is procedural.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import GenerateParams
from dataenvgym_spec.gym.engines.protocol import Engine
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.plans import Plan, Request, Yield


def generate(context: Context[GenerateParams]) -> None:
    """Writes candidates for what the plan asks, or in a refill for what is still missing."""
    asked = read(context.path("plan", "plan.json"), Plan).asked()
    given = context.table("yield", "yield.json", Yield) or {}
    requests = missing(asked, given)
    rows = _candidates(context, requests) if requests else []
    context.write_rows("candidates", "examples.jsonl", rows)
    amount = sum(request.count for request in requests)
    context.record(requested=amount, candidates=len(rows))
    context.say(f"  {len(rows)} candidates for {amount} examples asked for")


def missing(asked: Sequence[Request], given: Mapping[str, Yield]) -> list[Request]:
    """What is still to be made, in the order of the requests.

    The accepted examples of a skill count for its requests in their order.

    >>> asked = [Request(id="sum", count=5, skill="sum")]
    >>> short = missing(asked, {"sum": Yield(requested=5, accepted=3)})
    >>> [request.count for request in short]
    [2]
    """
    left = {skill: row.accepted for skill, row in given.items()}
    requests = []
    for request in asked:
        covered = min(request.count, left.get(request.skill, 0))
        left[request.skill] = left.get(request.skill, 0) - covered
        if covered < request.count:
            requests.append(msgspec.structs.replace(request, count=request.count - covered))
    return requests


def _candidates(context: Context[GenerateParams], requests: Sequence[Request]) -> list[Example]:
    params = context.params
    engine: Engine = context.make(params.engine)
    seed = seed_from("generate", params.seed, params.iteration, params.round)
    rows = []
    for number, example in enumerate(engine.generate(requests, Tools(seed=seed))):
        provenance = Provenance(
            iteration=params.iteration,
            round=params.round,
            plan=context.key_of("plan"),
            teacher=_writer(params.engine),
            request=number,
        )
        rows.append(msgspec.structs.replace(example, provenance=provenance))
    tokens = getattr(engine, "tokens", None)  # of an engine that asks a model
    if tokens:
        context.record(tokens=tokens)
    return rows


def _writer(engine: Component) -> str:
    """The kind of the teacher that an engine names; of one that asks nobody its own.

    An engine that names a procedural teacher and is not declared to be procedural itself may ask a
    model all the same, such as the student that it reads: then what it makes is its own.
    """
    teacher = engine.part("teacher")
    if teacher is None or (teacher.procedural and not engine.procedural):
        return engine.kind
    return teacher.kind
