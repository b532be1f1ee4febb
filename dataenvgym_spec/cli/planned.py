"""The text of a plan. Of a long one, a line for all stages that do the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from dataenvgym_spec.cli.common import plural, sums_of
from dataenvgym_spec.cli.costs import Bill, lines, together
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.questions.together import Plans, once

EARLIER: Final = "earlier"
"""What is said of a stage that an experiment above makes."""
ACTIONS: Final = ("run", "pass", "maybe", "restore", EARLIER, "reuse")
LONG: Final = 30
"""From more stages than these, those that do the same are one line."""

Place = Callable[[PlannedStage], str]
"""What says where a stage belongs."""
Makers = Mapping[tuple[str, str], str]
"""Who makes what an experiment shares, by experiment and key of the stage."""


def plan_text(
    plans: Plans, costs: Mapping[str, Bill], earlier: Makers, *, show_all: bool, name: str
) -> Iterator[str]:
    """The lines of some plans: sums, stages, and what they will cost.

    Args:
        plans: the steps of each experiment.
        costs: their costs.
        earlier: who makes what they share.
        show_all: whether every stage is listed.
        name: what the command line named; empty for all active specs.
    """
    every = list(once(plans))
    made_earlier: dict[str, dict[str, str]] = {}
    for (sharing, key), maker in earlier.items():
        made_earlier.setdefault(sharing, {})[key] = maker
    is_long = not show_all and sum(step.action != "reuse" for step in every) > LONG
    for experiment, steps in plans.items():
        made = made_earlier.get(experiment, {})
        own = [step for step in steps if step.key not in made]
        yield from _sums(experiment, own, made)
        if not is_long:
            yield from _listed(own, _place_of(steps), show_all=show_all)
            yield from lines(costs[experiment].without(made))
    if len(plans) > 1:
        counts: Counter[str] = Counter(step.action for step in every)
        yield f"in all {len(plans)} experiments: {sums_of(counts, ACTIONS)}"
    if is_long:
        yield from _gathered(every, _place_of(every))
        command = f"dataenvgym plan {name}".strip()
        yield f"  each stage by itself: {command} --all"
    if is_long or len(plans) > 1:
        yield from lines(together(costs))


def _sums(experiment: str, own: Sequence[PlannedStage], made: Mapping[str, str]) -> Iterator[str]:
    """How many stages there are of each action; what others make is a line for each of them."""
    makers = Counter(made.values())
    counts: Counter[str] = Counter(step.action for step in own)
    counts[EARLIER] = makers.total()
    yield f"{experiment}: {sums_of(counts, ACTIONS)}"
    for maker, count in makers.items():
        yield f"  {EARLIER}: {plural(count, 'stage')} that '{maker}' makes"


def _listed(own: Sequence[PlannedStage], place_of: Place, *, show_all: bool) -> Iterator[str]:
    """A line a stage, under the place that it belongs to."""
    shown = [step for step in own if show_all or step.action != "reuse"]
    width = max((len(step.what) for step in shown), default=0)
    for place, members in groupby(shown, key=place_of):
        if place:
            yield f"  {place}"
        for step in members:
            yield f"    {step.action:8} {step.what:{width}}  {step.cause}"


def _gathered(every: Sequence[PlannedStage], place_of: Place) -> Iterator[str]:
    """A line for all stages that do the same: how many, and the reason of the first."""
    groups: dict[tuple[str, str], list[PlannedStage]] = {}
    for step in every:
        if step.action != "reuse":
            groups.setdefault((step.action, step.what), []).append(step)
    width = max(len(what) for _, what in groups)
    for (action, what), members in groups.items():
        cause = members[0].cause
        if any(step.cause != cause for step in members):
            cause = f"{place_of(members[0])}: {cause}"
        yield f"    {action:8} {len(members):4} x {what:{width}}  {cause}"


def _place_of(steps: Sequence[PlannedStage]) -> Place:
    """What tells the places of stages apart: arm, iteration, and experiment and seed if needed."""
    uses = [step.use for step in steps if step.use]
    many_experiments = len({use.experiment for use in uses}) > 1
    many_seeds = len({use.seed for use in uses}) > 1

    def place(step: PlannedStage) -> str:
        use = step.use
        if use is None:
            return ""
        experiment = f"{use.experiment}, " if many_experiments else ""
        seed = f", seed {use.seed}" if many_seeds else ""
        return f"{experiment}{step.place}{seed}"

    return place
