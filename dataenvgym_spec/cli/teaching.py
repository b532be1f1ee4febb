"""The parts of a report that are on teaching, in a terminal and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from dataenvgym_spec.cli.common import print_json
from dataenvgym_spec.cli.tabular import harmless, print_table
from dataenvgym_spec.results.experiment import Results

if TYPE_CHECKING:
    from dataenvgym_spec.report.tables import TextTable

PARTS: Final = ("tree", "allocation", "yield", "ledger", "examples")
"""What can be printed in place of the results."""
NOTHING: Final = {
    "tree": "no arm has a skill tree, or none has planned yet",
    "allocation": "no agent has asked for anything yet",
    "yield": "no candidates were checked yet",
    "ledger": "no stage is done yet",
    "examples": "no example was judged yet",
}


def print_part(results: Results, part: str, *, as_json: bool) -> None:
    """Prints one part of the report, as far as the experiment has got."""
    if as_json:
        print_json(_rows(results, part))
    elif part == "examples":
        _print_examples(results)
    else:
        _print_tables(results, part)


def _rows(results: Results, part: str) -> list[dict[str, Any]]:
    from dataenvgym_spec.cli.trace import trace_record
    from dataenvgym_spec.report import teaching
    from dataenvgym_spec.results import accounts, fates, ledger, samples, teachings

    match part:
        case "tree":
            return teaching.tree_rows(teachings.grown_trees(results))
        case "allocation":
            return teaching.allocation_rows(teachings.allocations(results))
        case "yield":
            return teaching.yield_rows(fates.fates(results))
        case "ledger":
            return teaching.ledger_rows(accounts.turn_accounts(ledger.read_ledger(results)))
    rows = []
    for sample in samples.samples(results):
        place = {"arm": sample.arm, "seed": sample.seed}
        rows.append({**place, **trace_record(sample.trace)})
    return rows


def _tables(results: Results, part: str) -> Iterable[TextTable]:
    from dataenvgym_spec.report import tables
    from dataenvgym_spec.results import accounts, fates, ledger, teachings

    match part:
        case "tree":
            return tables.tree_tables(teachings.grown_trees(results))
        case "allocation":
            amounts = tables.allocation_tables(teachings.allocations(results))
            return (*amounts, *tables.reason_tables(teachings.reasons(results)))
        case "yield":
            return (tables.yield_table(fates.fates(results)),)
    return tables.ledger_tables(accounts.turn_accounts(ledger.read_ledger(results)))


def _print_tables(results: Results, part: str) -> None:
    from rich.console import Console

    console, seeds = Console(), results.index.seeds
    shown = [table for table in _tables(results, part) if table.lines]
    if not shown:
        console.print(harmless(f"Nothing to show: {NOTHING[part]}."))
        return
    if len(seeds) > 1:
        console.print(harmless(_of_which_runs(part, seeds)))
    for table in shown:
        title = f"{table.arm}: {table.title}" if table.arm else table.title
        console.print(harmless(f"\n{title}", style="bold"))
        print_table(console, table)
        if table.note:
            console.print(harmless(table.note))


def _of_which_runs(part: str, seeds: tuple[int, ...]) -> str:
    """Which of several runs are shown."""
    first = f"of the first of {len(seeds)} runs (run seed {seeds[0]})"
    said = {
        "tree": f"The trees are {first}.",
        "allocation": f"Amounts are means over {len(seeds)} runs; reasons are {first}.",
    }
    return said.get(part, f"Sums over {len(seeds)} runs.")


def _print_examples(results: Results) -> None:
    import click

    from dataenvgym_spec.cli.trace import trace_lines
    from dataenvgym_spec.results.samples import samples

    shown = samples(results)
    if not shown:
        click.echo(f"Nothing to show: {NOTHING['examples']}.")
    for number, sample in enumerate(shown):
        if number:
            click.echo()
        click.echo(f"{sample.arm}, run seed {sample.seed}")
        for line in trace_lines(sample.trace):
            click.echo(line)
