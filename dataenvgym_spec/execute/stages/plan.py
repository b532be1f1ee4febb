"""Observes the student and decides what to generate. Imports no model."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.media import image_files, write_images
from dataenvgym_spec.graph.params import PlanParams
from dataenvgym_spec.gym.environments.contract import Contract
from dataenvgym_spec.gym.environments.protocol import Environment, Seen
from dataenvgym_spec.gym.policies.protocol import Policy
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.options import at
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.plans import (
    TASK,
    Plan,
    Request,
    ShownError,
    SkillMap,
    Step,
    Yield,
    within,
)


def plan(context: Context[PlanParams]) -> None:
    """Writes the action with its reasons, and the agent's next state."""
    params = context.params
    environment: Environment[Any, Any] = context.make(params.works_in)
    policy: Policy[Any, Any] = context.make(params.policy)
    skills = context.one("skills", "skills.json", SkillMap) or SkillMap(skills=(), items={})
    seen = _seen(context, skills)
    before = context.one("state", "state.json", environment.state)
    steps: tuple[Step, ...] = before.history if before is not None else ()
    number = len(steps)
    state = environment.observe(seen, before)
    state = msgspec.structs.replace(state, agent_round=params.agent_round)
    of_skills = _of_skills(context, seen, number)
    works_in = params.works_in
    words = works_in.definition.description
    contract = Contract.of(environment, state, params.amount, kind=works_in.kind, words=words)
    seed = seed_from("policy", params.seed, number)
    pictures = {row.id: row.images for row in seen.shown or ()} if params.images else {}
    tools = Tools(
        seed=seed,
        errors=of_skills,
        contract=contract,
        pictures=pictures,
        file=image_files(context),
    )
    action = policy.act(state, params.amount, tools)
    action = environment.complete(state, action, params.amount, tools)
    requests = within(environment.requests(state, action, params.amount), params.amount)
    step = _step(seen, requests, action.reasons, params.agent_round)
    after = environment.advance(state, action, seen.yields or {})
    after = msgspec.structs.replace(after, history=(*steps, step), agent_round=None)
    errors = _named(seen, requests) | of_skills
    if params.images:
        errors = _pictured(context, pictures, errors)
    context.write("state", "state.json", after)
    whole = _whole(step, iteration(after.history), errors, requests)
    groups = _groups(skills, requests)
    whole = msgspec.structs.replace(whole, tree=after.tree(), groups=groups)
    context.write("plan", "plan.json", whole)
    _tell(context, step)
    if not steps:
        _tell_picks(context, len(skills.skills))


def iteration(history: Sequence[Step]) -> int:
    """The iteration of the last of some steps, each of which has one or several rounds.

    >>> first = Step(allocation={}, reasons={})
    >>> iteration([first, msgspec.structs.replace(first, agent_round=2), first])
    2
    """
    return sum(step.agent_round is None for step in history)


def _step(
    seen: Seen, requests: Sequence[Request], reasons: dict[str, str], agent_round: int | None
) -> Step:
    """What was decided, with what was observed."""
    scores, accuracies = seen.scores(), None
    if scores is not None:
        accuracies = {skill: score.accuracy for skill, score in scores.items()}
    return Step(
        allocation=by_skill(requests),
        reasons=reasons,
        scores=accuracies,
        shortfall=seen.shortfall(),
        agent_round=agent_round,
    )


def _whole(
    step: Step,
    number: int,
    errors: dict[str, tuple[ShownError, ...]],
    requests: tuple[Request, ...],
) -> Plan:
    """The step with what the engine needs."""
    # An allocation says all of requests that say no more than how many examples of a skill.
    more = None if all(request.simple for request in requests) else requests
    fields = msgspec.structs.asdict(step)
    return Plan(**fields, iteration=number, errors=errors, requests=more)


def _groups(skills: SkillMap, requests: Sequence[Request]) -> dict[str, dict[str, int]] | None:
    """The groups of the source that the skills of requests were made of, for engines that draw."""
    asked = {request.skill for request in requests}
    known = {skill: mine for skill, mine in (skills.groups or {}).items() if skill in asked}
    return known or None


def by_skill(requests: Sequence[Request]) -> dict[str, int]:
    """How many examples are asked for, by skill.

    >>> by_skill([Request(id="1", count=2, skill="sum"), Request(id="2", count=3, skill="sum")])
    {'sum': 5}
    """
    amounts: dict[str, int] = {}
    for request in requests:
        amounts[request.skill] = amounts.get(request.skill, 0) + request.count
    return amounts


def _seen(context: Context[PlanParams], skills: SkillMap) -> Seen:
    """What is plugged in is what the arm may observe."""
    observe = context.params.observe
    answers = {
        port.port: read_all(port.path / "results.jsonl", Result)
        for port in context.ports("results")
    }
    evaluated = {port.key for port in context.ports("results")}
    return Seen(
        errors=0 if isinstance(observe, str) else observe.errors,
        skills=skills.skills,
        of_item=skills.items,
        answered=" ".join(sorted(evaluated)) or None,
        hidden=answers.get("hidden"),
        shown=answers.get("shown"),
        yields=context.table("yield", "yield.json", Yield),
    )


def _named(seen: Seen, requests: Sequence[Request]) -> dict[str, tuple[ShownError, ...]]:
    """The errors that requests name, which an engine may put into a prompt."""
    names = {name for request in requests for name in request.show or ()}
    if not names:
        return {}
    shown = seen.errors_of(seen.shown or ())
    return {TASK: tuple(error for error in shown if error.id in names)}


def _pictured(
    context: Context[PlanParams],
    pictures: Mapping[str, tuple[Picture, ...]],
    errors: dict[str, tuple[ShownError, ...]],
) -> dict[str, tuple[ShownError, ...]]:
    """The errors with what their questions show, whose files go along with the plan."""
    pictured: dict[str, tuple[ShownError, ...]] = {}
    for skill, some in errors.items():
        ones = (msgspec.structs.replace(error, images=pictures[error.id]) for error in some)
        pictured[skill] = tuple(ones)
    every = (error for some in pictured.values() for error in some)
    write_images(context, "plan", (picture for error in every for picture in error.images))
    return pictured


def _of_skills(
    context: Context[PlanParams], seen: Seen, number: int
) -> dict[str, tuple[ShownError, ...]]:
    """As many errors of each skill as the arm observes, for prompts of an agent and an engine."""
    if not seen.skills:
        return {}
    rng = random.Random(seed_from("plan", context.params.seed, number))
    chosen: dict[str, tuple[ShownError, ...]] = {}
    for skill, wrong in sorted(_wrong(seen).items()):
        chosen[skill] = tuple(rng.sample(wrong, min(seen.errors, len(wrong))))
    return chosen


def _wrong(seen: Seen) -> dict[str, list[ShownError]]:
    """The student's errors on the shown part, by skill, which tells what the group would."""
    errors: dict[str, list[ShownError]] = {}
    for error in seen.errors_of(seen.shown or ()):
        skill = seen.of_item.get(error.id)
        if skill is None:  # a fallback that nothing which skills were made of has
            continue
        group = None if error.group == skill else error.group
        bare = msgspec.structs.replace(error, group=group)
        errors.setdefault(skill, []).append(bare)
    return errors


def _tell(context: Context[PlanParams], step: Step) -> None:
    """Prints the skills that get the most."""
    most_first = sorted(step.allocation.items(), key=lambda pair: -pair[1])
    for skill, count in most_first[:8]:
        context.say(f"  {count:5d} x {skill}: {step.reasons.get(skill, '')}")


def _tell_picks(context: Context[PlanParams], skills: int) -> None:
    """Says how many plans a policy that learns from its picks takes, now that skills are known.

    How many there will be is not known here: no plan depends on how long the loop is.
    """
    policy = context.params.policy
    for option in policy.definition.marked("x-picks"):
        count = at(policy.options, option)
        if count is not None and count < skills:
            plans = ceil(2 * skills / count)
            told = f"'{policy.kind}' picks {count} of {skills} skills in a plan"
            context.say(f"  {told}: it learns little in fewer than {plans} plans (W407)")
