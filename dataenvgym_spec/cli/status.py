"""`dataenvgym status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json, sums_of, warn_of_edits
from dataenvgym_spec.cli.elsewhere import absence, remedy
from dataenvgym_spec.core.collector import collector_paused
from dataenvgym_spec.core.errors import UserError, seen
from dataenvgym_spec.questions.status import STATES, StageStatus, status
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.indexes import compiled


@click.command("status")
@click.argument("name", required=False)
@click.option("--all", "show_all", is_flag=True, help="Also list the stages that are done.")
@click.option(
    "--watch",
    "watched",
    is_flag=True,
    help="Show what is at work here until it ends: a run with --jobs by its own screen, others by "
    "their stages.",
)
@as_json
def command(name: str | None, show_all: bool, watched: bool, as_json: bool) -> int:
    """Say which stages of an experiment (default: of every one) are done, running, paused at a
    limit, failed or missing; of those that ask teachers, how far they are and what remains.

    \b
    Example:
      dataenvgym status quickstart
    """
    layout = layout_here()
    if watched:
        from dataenvgym_spec.cli.watching import watch

        return watch(layout, name)
    names = [name] if name else compiled(layout)
    if not names:
        raise UserError("nothing is compiled here", help="run: dataenvgym compile")
    with collector_paused():
        experiments = [load(item, layout.root) for item in names]
        stages = {item.name: status(item) for item in experiments}
    for item in experiments:
        warn_of_edits(item)
    if as_json:
        print_json({"stages": _records(stages)})
        return 0
    for experiment, rows in stages.items():
        _print(experiment, rows, show_all=show_all)
    for item in experiments:
        reason = absence(item)
        if reason:
            click.echo(f"{item.name}: {reason}; {remedy(item)}")
    return 0


def _print(experiment: str, rows: Sequence[StageStatus], *, show_all: bool) -> None:
    """A line of sums, and the stages that need a look."""
    counts = Counter(row.state for row in rows)
    click.echo(f"{experiment}: {sums_of(counts, STATES)}")
    for row in rows:
        if show_all or row.state in ("running", "paused", "failed"):
            click.echo(seen(f"  {row.state:8} {row.label:48} {row.detail}"))
            for one in row.asked:
                click.echo(seen(f"  {'':8} {one.text()}"))


def _records(stages: Mapping[str, Sequence[StageStatus]]) -> list[dict[str, Any]]:
    """For programs: the stages of all experiments."""
    records = []
    for experiment, rows in stages.items():
        records += [{"experiment": experiment, **asdict(row)} for row in rows]
    return records
