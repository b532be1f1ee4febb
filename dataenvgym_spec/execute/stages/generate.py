"""Executes a plan: candidate examples with their provenance. Imports no model when the teacher is procedural."""

from __future__ import annotations

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.load import student
from dataenvgym_spec.language.components import make
from dataenvgym_spec.records.files import read_json, write_rows


def generate(context: Context) -> None:
    """Writes candidates for what the plan asks, or in a refill for what is still missing."""
    params = context.params
    requests = read_json(context.path("plan", "plan.json"))["allocation"]
    if context.ports("yield"):
        given = read_json(context.path("yield", "yield.json"))
        requests = {skill: count - given[skill]["accepted"] for skill, count in requests.items()}
    requests = {skill: count for skill, count in requests.items() if count > 0}
    origin = {
        "iteration": params["iteration"],
        "round": params["round"],
        "plan": context.key_of("plan"),
        "teacher": params["engine"]["teacher"]["kind"],
    }
    rows = []
    if requests:
        engine = make("engine", params["engine"], **student(context))
        seed = seed_from("generate", params["seed"], params["iteration"], params["round"])
        for number, item in enumerate(engine.candidates(requests, seed)):
            rows.append(
                {**item.row(), "skill": item.group, "provenance": {**origin, "request": number}}
            )
        if tokens := getattr(
            engine, "tokens", None
        ):  # of an engine that asks a model: {"prompt": ..., "generated": ...}
            context.record(tokens=tokens)
    write_rows(context.out("candidates", "examples.jsonl"), rows)
    context.record(requested=sum(requests.values()), candidates=len(rows))
    context.say(f"  {len(rows)} candidates for {sum(requests.values())} examples asked for")
