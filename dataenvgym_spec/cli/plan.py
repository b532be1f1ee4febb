"""`dataenvgym plan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import click

from dataenvgym_spec.cli.common import as_json, load_project, print_json, setting
from dataenvgym_spec.cli.costs import bills, records, summary, tell
from dataenvgym_spec.questions.plan import Step, plan
from dataenvgym_spec.store.dvc.disk import Disk

ACTIONS: Final = ("run", "pass", "maybe", "restore", "reuse")


@click.command("plan")
@click.argument("name", required=False)
@click.option("--all", "show_all", is_flag=True, help="Also list the stages that are reused.")
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
    """Say what `dvc repro NAME` will run, reuse or restore, stage by stage, why, and what that will cost. Nothing executes.

    \b
    run      it executes
    pass     it executes, but a gate says stop: the last student is passed through, at no cost
    maybe    it runs if something above it comes out otherwise than last time, or if a gate says go on
    restore  DVC fetches its result from the cache, or with --pull from the remote
    reuse    its result is in the workspace

    \b
    Example:
      dataenvgym plan quickstart
    """
    project = load_project((name,) if name else (), sets=sets)
    world = Disk(project.layout, pull=pull)
    graph = project.compiled.graph
    found = {item.name: plan(graph, item, world, project.compiled.specs) for item in graph.entries}
    world.remembered.save()
    costs = bills(project, found)
    if as_json:
        each = {experiment: records(item) for experiment, item in costs.items()}
        rows = [
            {"experiment": name, **_record(step), "cost": each[name].get(step.key)}
            for name, steps in found.items()
            for step in steps
        ]
        print_json(
            {
                "stages": rows,
                "costs": {experiment: summary(item) for experiment, item in costs.items()},
            }
        )
        for experiment, item in costs.items():
            tell(project, project.entry(experiment), item, table=False)
        return
    for experiment, steps in found.items():
        counts = Counter(step.action for step in steps)
        click.echo(
            f"{experiment}: "
            + ", ".join(f"{counts[action]} {action}" for action in ACTIONS if counts[action])
        )
        _print([step for step in steps if show_all or step.action != "reuse"])
        tell(project, project.entry(experiment), costs[experiment], table=True)


def _print(steps: Sequence[Step]) -> None:
    """One line a stage, under the arm and iteration it stands in."""
    width = max((len(_what(step)) for step in steps), default=0)
    for group, members in groupby(steps, key=_group):
        if group:
            click.echo(f"  {group}")
        for step in members:
            click.echo(f"    {step.action:8} {_what(step):{width}}  {step.cause}")


def _group(step: Step) -> str:
    """Arm and iteration: the label without its last part, which says what is done."""
    return step.label.removesuffix(f", {_what(step)}") if step.kind != "report" else ""


def _what(step: Step) -> str:
    arm, *rest = step.label.split(", ")
    return (
        ", ".join(
            rest[1:]
            if len(rest) > 1 and (rest[0] == "base" or rest[0].startswith("iteration "))
            else rest
        )
        or arm
    )


def _record(step: Step) -> dict[str, object]:
    return {
        "key": step.key,
        "kind": step.kind,
        "action": step.action,
        "cause": step.cause,
        "label": step.label,
        "directory": step.directory,
    }
