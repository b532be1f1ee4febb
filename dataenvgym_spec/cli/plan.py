"""`dataenvgym plan`."""

from __future__ import annotations

from collections import Counter

import click

from dataenvgym_spec.cli.common import as_json, load_project, print_json
from dataenvgym_spec.cli.costs import bills, records, summary, tell
from dataenvgym_spec.plan import Step, plan
from dataenvgym_spec.store.world import Disk


@click.command("plan")
@click.argument("name", required=False)
@click.option("--all", "show_all", is_flag=True, help="Also list the stages that are reused.")
@as_json
def command(name: str | None, show_all: bool, as_json: bool) -> None:
    """Say what `dvc repro NAME` will run, reuse or restore, stage by stage, why, and what that will cost. Nothing executes.

    \b
    Example:
      dataenvgym plan quickstart
    """
    project = load_project((name,) if name else ())
    world = Disk(project.layout)
    found = {item.name: plan(project.compiled.graph, item, world) for item in project.compiled.graph.entries}
    costs = bills(project, found)
    if as_json:
        each = {experiment: records(item) for experiment, item in costs.items()}
        rows = [{"experiment": name, **_record(step), "cost": each[name].get(step.key)} for name, steps in found.items() for step in steps]
        print_json({"stages": rows, "costs": {experiment: summary(item) for experiment, item in costs.items()}})
        for experiment, item in costs.items():
            tell(project, project.entry(experiment), item, table=False)
        return
    for experiment, steps in found.items():
        counts = Counter(step.action for step in steps)
        click.echo(f"{experiment}: " + ", ".join(f"{counts[action]} {action}" for action in ("run", "restore", "reuse", "pass") if counts[action]))
        for step in steps:
            if show_all or step.action != "reuse":
                click.echo(f"  {step.action:8} {step.label:48} {step.cause}")
        tell(project, project.entry(experiment), costs[experiment], table=True)


def _record(step: Step) -> dict[str, object]:
    return {"key": step.key, "kind": step.kind, "action": step.action, "cause": step.cause, "label": step.label, "directory": step.directory}
