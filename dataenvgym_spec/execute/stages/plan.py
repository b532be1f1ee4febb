"""Observes the student and decides what to generate. Imports no model."""

from __future__ import annotations

import random
from typing import Any

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.load import student
from dataenvgym_spec.gym.policies.protocol import Observation, Policy, SkillScore, Yield
from dataenvgym_spec.language.components import make
from dataenvgym_spec.records.files import Row, read_json, read_rows, write_json


def plan(context: Context) -> None:
    """Writes the action with its reasons, and the agent's next state."""
    params = context.params
    found = read_json(context.path("skills", "skills.json"))
    skills, of_item = tuple(found["skills"]), found["items"]
    results = {
        read.port: read_rows(read.path / "results.jsonl") for read in context.ports("results")
    }
    yields = read_json(context.path("yield", "yield.json")) if context.ports("yield") else None
    history = (
        read_json(context.path("state", "state.json"))["history"] if context.ports("state") else []
    )
    observation = Observation(
        skills=skills,
        scores=_scores(skills, of_item, results["hidden"]) if "hidden" in results else None,
        yields={skill: Yield(**row) for skill, row in yields.items()}
        if yields is not None
        else None,
    )
    policy: Policy = make("policy", params["policy"], **student(context))
    action = policy.act(observation, params["amount"])
    step: dict[str, Any] = {"allocation": action.allocation, "reasons": action.reasons}
    if observation.scores is not None:
        step["scores"] = {skill: score.accuracy for skill, score in observation.scores.items()}
    if yields is not None:
        step["shortfall"] = {
            skill: row["requested"] - row["accepted"]
            for skill, row in yields.items()
            if row["accepted"] < row["requested"]
        }
    rng = random.Random(seed_from("plan", params["seed"], len(history)))
    errors = _errors(of_item, results.get("shown", []), params["observe"], rng)
    write_json(
        context.out("plan", "plan.json"), {"iteration": len(history) + 1, **step, "errors": errors}
    )
    write_json(context.out("state", "state.json"), {"history": [*history, step]})
    for skill, count in sorted(action.allocation.items(), key=lambda pair: -pair[1])[:8]:
        context.say(f"  {count:5d} x {skill}: {action.reasons.get(skill, '')}")


def _scores(
    skills: tuple[str, ...], of_item: dict[str, str], rows: list[Row]
) -> dict[str, SkillScore]:
    marks: dict[str, list[bool]] = {skill: [] for skill in skills}
    for row in rows:
        marks[of_item[row["id"]]].append(row["correct"])
    return {
        skill: SkillScore(accuracy=sum(m) / len(m), items=len(m)) for skill, m in marks.items() if m
    }


def _errors(
    of_item: dict[str, str], rows: list[Row], observe: Any, rng: random.Random
) -> dict[str, list[Row]]:
    """Some of the student's errors on the shown part, by skill: what an engine may put into a prompt."""
    if not isinstance(observe, dict):
        return {}
    wrong: dict[str, list[Row]] = {}
    for row in rows:
        if not row["correct"]:
            wrong.setdefault(of_item[row["id"]], []).append(
                {key: row[key] for key in ("id", "input", "target", "prediction")}
            )
    return {
        skill: rng.sample(found, min(observe["errors"], len(found)))
        for skill, found in sorted(wrong.items())
    }
