"""`dataenvgym export`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import layout_here
from dataenvgym_spec.cli.elsewhere import remedy
from dataenvgym_spec.core.errors import UserError, suggest
from dataenvgym_spec.core.text import printable_json
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import json_line
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.run import Run

FIELDS: Final = ("id", "input", "target", "group", "skill", "subskill", "metadata")
"""What is written of an example, where it has it; `dataenvgym trace ID` says the rest."""


@click.command("export")
@click.argument("name")
@click.option("--arm", help="The arm (default: the first).")
@click.option("--seed", type=int, help="The run seed (default: the first).")
def command(name: str, arm: str | None, seed: int | None) -> None:
    """Write the examples that a run has accepted, as JSON lines in the order in which they were
    taught: for another trainer, or to teach them in another experiment with the engine `from-file`.
    It writes all of them, also where the run's trainings took a part.

    \b
    Example:
      dataenvgym export quickstart --arm no-state > specs/made-once.jsonl
    """
    results = load(name, layout_here().root)
    run = _run(results, arm, seed)
    rows = _rows(run)
    first = next(rows, None)
    if first is None:
        message = f"the run {run.seed} of the arm '{run.arm}' has accepted no example yet"
        raise UserError(message, help=remedy(results))
    for row in chain([first], rows):
        click.echo(printable_json(json_line(row)))


def _run(results: Results, arm: str | None, seed: int | None) -> Run:
    """One run of an experiment.

    Raises:
        UserError: there is no such arm or seed.
    """
    arms, seeds = results.index.arms, results.index.seeds
    if arm is not None and arm not in arms:
        raise UserError(f"there is no arm '{arm}'", help=suggest(arm, arms))
    if seed is not None and seed not in seeds:
        listed = ", ".join(map(str, seeds))
        raise UserError(f"there is no run with the seed {seed}", help=f"seeds: {listed}")
    wanted = (arm or arms[0], seeds[0] if seed is None else seed)
    return next(run for run in results.runs if (run.arm, run.seed) == wanted)


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    for turn in run.iterations[1:]:
        for check in turn.of("check"):
            for example in check.each("accepted", "examples.jsonl", Example):
                yield {**_row(example), "iteration": turn.number}


def _row(example: Example) -> dict[str, Any]:
    content = example.plain()
    return {name: content[name] for name in FIELDS if content.get(name)}
