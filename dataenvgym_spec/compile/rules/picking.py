"""A policy that learns by picking skills picks often enough to learn something."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm

EACH = 2
"""Picks of a skill below which nothing is learned: the first tells what it gains, and only a later
one can follow from that."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Warnings about options that say how many skills are picked (`x-picks`)."""
    agent, iterations = arm.experiment.agent, arm.experiment.loop.iterations
    declared, skills = definition("policy", agent.policy["kind"]), _skills(arm)
    needs = declared.marked("x-needs")
    for option in declared.marked("x-picks"):
        if skills is None or not any(map(agent.sees, needs.get(option, ("scores",)))):
            continue
        for _, count in named(agent.policy, option):
            picks, wanted = iterations * min(count, skills), EACH * skills
            if picks < wanted:
                message = (
                    f"'{declared.kind}' makes {picks} picks among {skills} skills, "
                    f"and learns little from fewer than {wanted}"
                )
                node = arm.node.at(("agent", "policy", *option))
                help = _help(option[-1], count, iterations, skills)
                yield node.fault("W407", message, help, severity="warning")


def _help(option: str, count: int, iterations: int, skills: int) -> str:
    """The least iterations, and where that is enough the least picks in each, that suffice."""
    more = f"run at least {ceil(EACH * skills / min(count, skills))} iterations"
    if iterations < EACH:
        return more
    return f"raise '{option}' to at least {ceil(EACH * skills / iterations)}, or {more}"


def _skills(arm: Arm) -> int | None:
    """How many skills there are; None where that is not known before they are found."""
    record = arm.experiment
    if record.skills is None:
        return None
    discovery = definition("discovery", record.skills.discover["kind"])
    source = supply(arm, record.task.splits.feedback.from_)
    if discovery.skills != "groups" or source is None:
        return None
    return len(source.sizes) or None
