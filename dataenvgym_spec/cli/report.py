"""`dataenvgym report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.report.extra import require
from dataenvgym_spec.results.experiment import Results, load

if TYPE_CHECKING:
    from dataenvgym_spec.results.evidence.scores import Contrast, Outcome


@click.command("report")
@click.argument("name")
@as_json
def command(name: str, as_json: bool) -> None:
    """Print the results of a finished experiment on the sealed test: base, best and last student of every arm.

    \b
    Example:
      dataenvgym report quickstart
    """
    require("scipy")
    from dataenvgym_spec.report.metrics import record
    from dataenvgym_spec.results.evidence.scores import contrasts, outcomes

    results = load(name, layout_here().root)
    found = outcomes(results)
    if len(found) < 3 * len(results.runs):
        raise UserError(
            f"'{name}' has no results on the sealed test yet", help=f"run: dvc repro {name}"
        )
    if as_json:
        print_json([record(outcome) for outcome in found])
        return
    _print(results, found, contrasts(results))


def _print(results: Results, found: tuple[Outcome, ...], compared: tuple[Contrast, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dataenvgym_spec.report import words
    from dataenvgym_spec.report.text import count, interval, percent
    from dataenvgym_spec.results.curves import curves

    table = Table(box=None, pad_edge=False)
    for heading in (
        "arm",
        "seed",
        "student",
        "iteration",
        "examples",
        "right",
        "95% interval",
        "items",
    ):
        table.add_column(heading, justify="left" if heading in ("arm", "student") else "right")
    for row in found:
        numbers = (
            count(row.examples),
            percent(row.accuracy.value),
            interval(row.accuracy),
            count(row.items),
        )
        table.add_row(Text(row.arm), str(row.seed), row.student, str(row.iteration), *numbers)
    console = Console()
    console.print(table)
    for contrast in compared:
        console.print(Text(f"\n{words.difference(contrast)} {words.reading(contrast.difference)}"))
    console.print(Text(f"\n{words.coverage(results.index['seeds'])}"))
    if said := words.stops(curves(results)):
        console.print(Text(f"\n{said}"))
    for caveat in results.index.get("stamps", ()):
        console.print(Text(f"mind that {caveat}", style="yellow"))
    path = results.layout.report(results.name) / "index.html"
    where = (
        path.relative_to(results.layout.root)
        if path.is_file()
        else f"none yet; run: dvc repro {results.name}"
    )
    console.print(Text(f"\nreport: {where}"), soft_wrap=True)
