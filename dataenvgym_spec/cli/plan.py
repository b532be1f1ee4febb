"""`dataenvgym plan`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import click

from dataenvgym_spec.cli.common import (
    Project,
    as_json,
    load_project,
    plural,
    print_json,
    setting,
)
from dataenvgym_spec.cli.costs import Bill, bills, print_warnings, records, summary, together
from dataenvgym_spec.cli.guard import out_of_reach
from dataenvgym_spec.cli.planned import Makers, plan_text
from dataenvgym_spec.cli.power import power_lines, power_records
from dataenvgym_spec.core.collector import collector_paused
from dataenvgym_spec.core.dvc_config import remotes
from dataenvgym_spec.core.errors import SpecError, seen
from dataenvgym_spec.questions.foresee import Settled
from dataenvgym_spec.questions.plan import PlannedStage, plan
from dataenvgym_spec.questions.power import Expected, answered, expected, measured_noise, results_of
from dataenvgym_spec.questions.repro import UNCACHED
from dataenvgym_spec.questions.together import Plans, makers, once
from dataenvgym_spec.store.dvc.disk import Disk


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
@collector_paused()
def command(
    name: str | None, show_all: bool, pull: bool, sets: tuple[str, ...], as_json: bool
) -> None:
    """Say what `dvc repro NAME` will run, reuse or restore, stage by stage, why, and what
    that will cost; of one experiment also the smallest difference that each declared contrast
    would find, with what that assumes. Nothing executes. In a plan of more than 30 stages those
    that do the same are one line, with the reason of the first; --all lists each, also those that
    are reused.
    Where a teacher cannot be asked from here, the exit code is 2.

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
    # Points of a sweep and unnamed specs are many, and mostly alike.
    told = as_json or len(project.compiled.graph.entries) == 1
    found = _powers(project) if told else {}
    if as_json:
        power = {experiment: power_records(each) for experiment, each in found.items()}
        print_json({**_record(plans, costs, earlier), "power": power})
    else:
        for line in plan_text(plans, costs, earlier, show_all=show_all, name=name or ""):
            click.echo(seen(line))
        for each in found.values():
            click.echo("".join(f"{line}\n" for line in power_lines(each)), nl=False)
        if not pull and remotes(project.layout.root):
            click.echo("".join(f"{line}\n" for line in _unpulled(plans, name)), nl=False)
    for experiment, bill in costs.items():
        print_warnings(project, project.entry(experiment), bill)
    missing = out_of_reach(project, plans, os.environ)
    if missing:
        raise SpecError(missing)


def _powers(project: Project) -> dict[str, tuple[Expected, ...]]:
    """What the contrasts of each experiment can find."""
    graph, layout, found = project.compiled.graph, project.layout, {}
    for item in graph.entries:
        results = results_of(graph, item, layout)
        measured, answers = measured_noise(results), answered(results)
        found[item.name] = expected(graph, item, layout, measured, answers)
    return found


def _unpulled(plans: Plans, name: str | None) -> Iterator[str]:
    """That a remote may have what would be made anew."""
    count = sum(step.action == "run" and UNCACHED in step.cause for step in once(plans))
    if count:
        command = f"dataenvgym plan --pull {name or ''}".rstrip()
        yield f"{plural(count, 'result')} made before may be on the remote: {command}"


def _plans(project: Project, *, pull: bool) -> Plans:
    """Plans each experiment. They share what is read from the disk."""
    graph = project.compiled.graph
    names = [item.name for item in graph.entries]
    world = Disk(project.layout, pull=pull, experiments=names)
    settled: dict[str, Settled] = {}
    plans = {}
    for item in graph.entries:
        spec = project.spec(item.name)
        plans[item.name] = plan(graph, item, world, (spec,), settled=settled)
    return plans


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
