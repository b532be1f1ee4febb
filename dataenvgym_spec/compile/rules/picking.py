"""A policy that learns by picking skills picks often enough to learn something."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dataenvgym_spec.compile.rules.known import skill_count
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.language.spec import Loop
from dataenvgym_spec.resolve.arms import Arm

EACH = 2
"""Picks of a skill below which nothing is learned: the first tells what it gains, and only a later
one can follow from that."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Warnings about options that say how many skills are picked (`x-picks`)."""
    agent, loop, skills = arm.experiment.agent, arm.experiment.loop, skill_count(arm)
    declared = definition("policy", agent.policy["kind"])
    needs = declared.marked("x-needs")
    for option in declared.marked("x-picks"):
        if skills is None or not any(map(agent.sees, needs.get(option, ("scores",)))):
            continue
        for _, count in named(agent.policy, option):
            fault = _fault(loop, option[-1], count, skills)
            if fault is not None:
                message, help = fault
                node = arm.node.at(("agent", "policy", *option))
                yield node.fault("W407", f"'{declared.kind}' {message}", help, severity="warning")


def _fault(loop: Loop, option: str, count: int, skills: int) -> tuple[str, str] | None:
    """What is wrong, and what to do about it."""
    rounds, wanted, each = len(loop.amounts), EACH * skills, min(count, skills)
    certain = loop.iterations
    if loop.stop is not None:
        # The first iteration sets the score to beat, and the patience runs out after that.
        certain = min(certain, 1 + loop.stop.patience)
    # What is picked in the rounds of one iteration has taught nobody yet.
    needed = max(EACH, ceil(wanted / (each * rounds)))
    if certain >= needed:
        return None
    more = _more(loop, needed)
    if certain * each * rounds >= wanted:
        return "makes all its picks before it sees what any of them brings", more
    if certain >= EACH:
        more = f"raise '{option}' to at least {ceil(wanted / (certain * rounds))}, or {more}"
    early = f" if the loop stops after iteration {certain}" if certain < loop.iterations else ""
    picks = f"makes {certain * rounds * each} picks among {skills} skills{early}"
    return f"{picks}, and learns little from fewer than {wanted}", more


def _more(loop: Loop, needed: int) -> str:
    """How the loop gets to so many iterations, whatever its scores are."""
    patience = ""
    if loop.stop is not None and 1 + loop.stop.patience < needed:
        patience = f"raise 'patience' to at least {needed - 1}"
    if loop.iterations >= needed:
        return patience
    more = f"run at least {needed} iterations"
    return f"{more} and {patience}" if patience else more
