"""Fixed states of the skill list, which policies are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Step
from tests.support.golden import component, make

SKILLS = ("d", "b", "a", "e", "c")
MARKS = {"a": 1.0, "b": 0.2, "c": 0.2, "d": 0.6}
"""Accuracies; the skill `e` is not measured."""


def scores(**marks: float) -> dict[str, SkillScore]:
    return {skill: SkillScore(accuracy=mark, items=20) for skill, mark in marks.items()}


def step(taught: Mapping[str, int], short: Mapping[str, int] | None = None, **marks: float) -> Step:
    """A plan that saw accuracies, and what the request before it was short of."""
    seen = dict(marks) or None
    return Step(
        allocation=dict(taught),
        reasons={},
        scores=seen,
        shortfall=None if short is None else dict(short),
    )


def states() -> list[SkillListState]:
    """Blind; first and later iterations; all perfect; nothing measured."""
    history = (
        step({"a": 10, "b": 10}, a=0.5, b=0.1, c=0.2, d=0.6),
        step({"b": 4, "d": 6, "e": 9}, {"a": 10}, a=0.4, b=0.3, c=0.2, d=0.5),
    )
    perfect = scores(**dict.fromkeys(SKILLS, 1.0))
    return [
        SkillListState(skills=SKILLS),
        SkillListState(skills=SKILLS, history=(step({"a": 10}),)),
        SkillListState(skills=SKILLS, scores=scores(**MARKS)),
        SkillListState(skills=SKILLS, scores=scores(**MARKS), history=history[:1]),
        SkillListState(skills=SKILLS, scores=scores(**MARKS), history=history),
        SkillListState(skills=SKILLS, scores=perfect, history=history),
        SkillListState(skills=SKILLS, scores={}),
    ]


def policy(kind: str, **options: Any) -> Any:
    return make("policy", component("policy", kind, **options))


def acts(kind: str, *options: dict[str, Any]) -> list[Any]:
    """What a policy does in each state with each of some options, at two seeds."""
    made = []
    for chosen in options:
        for state in states():
            for seed in (0, 1):
                act = policy(kind, **chosen).act(state, 101, Tools(seed=seed))
                made.append([act.allocation, act.reasons])
    return made


def allocation(
    kind: str, state: SkillListState, *, seed: int = 0, **options: Any
) -> dict[str, int]:
    """What a policy gives each skill of 100 examples."""
    act: Allocation = policy(kind, **options).act(state, 100, Tools(seed=seed))
    return act.allocation
