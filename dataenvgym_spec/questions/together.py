"""Several plans as one: a stage that experiments share is made once, by the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dataenvgym_spec.questions.plan import PlannedStage

Plans = Mapping[str, Sequence[PlannedStage]]
"""The steps of each experiment, in the order in which they run."""


def makers(plans: Plans) -> dict[tuple[str, str], str]:
    """Who makes what an experiment shares, by experiment and key of the stage.

    Only of what is still to be done: what is in the workspace nobody makes.
    """
    first: dict[str, str] = {}
    earlier = {}
    for experiment, steps in plans.items():
        for step in steps:
            maker = first.setdefault(step.key, experiment)
            if maker != experiment and step.action != "reuse":
                earlier[experiment, step.key] = maker
    return earlier


def once(plans: Plans) -> Iterator[PlannedStage]:
    """Every step of some experiments once, as the first of them has it."""
    known: set[str] = set()
    for steps in plans.values():
        for step in steps:
            if step.key not in known:
                known.add(step.key)
                yield step
