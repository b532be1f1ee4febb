"""`dataenvgym plan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import (
    Project,
    as_json,
    load_project,
    plural,
    print_json,
    setting,
    sums_of,
)
from dataenvgym_spec.cli.costs import (
    Bill,
    bills,
    lines,
    print_warnings,
    records,
    summary,
    together,
)
from dataenvgym_spec.questions.plan import PlannedStage, plan
from dataenvgym_spec.questions.together import Plans, makers, once
from dataenvgym_spec.store.dvc.disk import Disk

EARLIER: Final = "earlier"
"""What is said of a stage that an experiment above makes."""
LONG: Final = 40
"""From more stages than these, those that do the same are one line."""
ACTIONS: Final = ("run", "pass", "maybe", "restore", EARLIER, "reuse")

Place = Callable[[PlannedStage], str]
"""What says where a stage belongs."""
Makers = Mapping[tuple[str, str], str]
"""Who makes what an experiment shares, by experiment and key of the stage."""


@click.command("plan")
@click.argument("name", required=False)
@click.option(
    "--all",
    "show_all",
    is_flag=True,
    help="List every stage: those that are reused, and long plans.",
)
@click.option(
    "--pull",
    is_flag=True,
    help="Count what DVC's remote holds: say what 'dvc repro --pull NAME' will do.",
)
@setting
@as_json
def command(
    name: str | None, show_all: bool, pull: bool, sets: tuple[str, ...], as_json: bool
) -> None:
    """Say what `dvc repro NAME` will run, reuse or restore, stage by stage, why, and what
    that will cost. Nothing executes. In a plan of more than 40 stages those that do the same are
    one line, with the reason of the first; --all lists each.

    \b
    run      it executes
    pass     it executes, but a gate says stop: the last student is passed through, at no cost
    maybe    it runs if something above it comes out otherwise than last time, \
or if a gate says go on
    restore  DVC fetches its result from the cache, or with --pull from the remote
    earlier  an experiment above it in the list makes it, and it is counted there
    reuse    its result is in the workspace

    \b
    Example:
      dataenvgym plan quickstart
    """
    project = load_project((name,) if name else (), sets=sets)
    plans = _plans(project, pull=pull)
    costs = bills(project, plans)
    earlier = makers(plans)
    if as_json:
        print_json(_record(plans, costs, earlier))
    for experiment, steps in plans.items():
        if not as_json:
            _print(experiment, steps, earlier, show_all=show_all)
            made = {key for name, key in earlier if name == experiment}
            _print_lines(lines(costs[experiment].without(made)))
        print_warnings(project, project.entry(experiment), costs[experiment])
    if len(plans) > 1 and not as_json:
        counts: Counter[str] = Counter(step.action for step in once(plans))
        click.echo(f"in all {len(plans)} experiments: {sums_of(counts, ACTIONS)}")
        _print_lines(lines(together(costs)))


def _plans(project: Project, *, pull: bool) -> Plans:
    """Plans each experiment. They share what is read from the disk."""
    world = Disk(project.layout, pull=pull)
    compiled = project.compiled
    plans = {}
    for item in compiled.graph.entries:
        plans[item.name] = plan(compiled.graph, item, world, compiled.specs)
    return plans


def _print(
    experiment: str, steps: Sequence[PlannedStage], earlier: Makers, *, show_all: bool
) -> None:
    """A line of sums, and one line a stage, under the arm and iteration it belongs to.

    What other experiments make is a line for each of them.
    """
    own = [step for step in steps if (experiment, step.key) not in earlier]
    made = Counter(maker for (name, _), maker in earlier.items() if name == experiment)
    counts: Counter[str] = Counter(step.action for step in own)
    counts[EARLIER] = made.total()
    click.echo(f"{experiment}: {sums_of(counts, ACTIONS)}")
    for maker, count in made.items():
        click.echo(f"  {EARLIER}: {plural(count, 'stage')} that '{maker}' makes")
    seeds = {step.use.seed for step in steps if step.use}
    place_of = _place_and_seed if len(seeds) > 1 else attrgetter("place")
    shown = [step for step in own if show_all or step.action != "reuse"]
    if len(shown) > LONG and not show_all:
        _print_lines(_gathered(shown, place_of))
        click.echo(f"  each by itself: dataenvgym plan {experiment} --all")
    else:
        _print_lines(_listed(shown, place_of))


def _listed(steps: Sequence[PlannedStage], place_of: Place) -> list[str]:
    """A line a stage, under the place that it belongs to."""
    width = max((len(step.what) for step in steps), default=0)
    texts = []
    for place, members in groupby(steps, key=place_of):
        if place:
            texts.append(f"  {place}")
        for step in members:
            texts.append(f"    {step.action:8} {step.what:{width}}  {step.cause}")
    return texts


def _gathered(steps: Sequence[PlannedStage], place_of: Place) -> list[str]:
    """A line for all stages that do the same: how many, and the reason of the first."""
    groups: dict[tuple[str, str], list[PlannedStage]] = {}
    for step in steps:
        groups.setdefault((step.action, step.what), []).append(step)
    width = max(len(what) for _, what in groups)
    texts = []
    for (action, what), members in groups.items():
        cause = members[0].cause
        if any(step.cause != cause for step in members):
            cause = f"{place_of(members[0])}: {cause}"
        texts.append(f"    {action:8} {len(members):4} x {what:{width}}  {cause}")
    return texts


def _place_and_seed(step: PlannedStage) -> str:
    """The heading of a stage in a plan of several seeds."""
    return f"{step.place}, seed {step.use.seed}" if step.use else ""


def _print_lines(texts: Sequence[str]) -> None:
    for text in texts:
        click.echo(text)


def _record(plans: Plans, costs: Mapping[str, Bill], earlier: Makers) -> dict[str, Any]:
    """For programs: the stages with their costs, the sums of each experiment, and of all."""
    stages = []
    for experiment, steps in plans.items():
        each = records(costs[experiment])
        for step in steps:
            row = {"experiment": experiment, **_step_record(step), "cost": each.get(step.key)}
            stages.append({**row, "made_by": earlier.get((experiment, step.key))})
    sums = {experiment: summary(bill) for experiment, bill in costs.items()}
    actions = Counter(step.action for step in once(plans))
    whole = {"actions": dict(actions), "ahead": summary(together(costs))["ahead"]}
    return {"stages": stages, "costs": sums, "total": whole}


def _step_record(step: PlannedStage) -> dict[str, object]:
    return {
        "key": step.key,
        "kind": step.kind,
        "action": step.action,
        "cause": step.cause,
        "label": step.label,
        "directory": step.directory,
    }
