"""The declared contrasts in a terminal: several as a table first, then each in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataenvgym_spec.cli.tabular import harmless, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from dataenvgym_spec.report.tables import TextTable
    from dataenvgym_spec.results.declared import Declarations
    from dataenvgym_spec.results.evidence.contrasts import Comparison
    from dataenvgym_spec.results.evidence.floor import Floor
    from dataenvgym_spec.results.experiment import Results


def print_contrasts(
    console: Console,
    results: Results,
    compared: Sequence[Comparison],
    told: Declarations,
    floor: Floor | None,
) -> None:
    """Prints them; what holds of each of several is said once, below them.

    Args:
        console: where to.
        results: the experiment.
        compared: its contrasts.
        told: when they were declared.
        floor: the noise floor, where it was measured.
    """
    from dataenvgym_spec.report import words
    from dataenvgym_spec.report.contrasts import answers, table
    from dataenvgym_spec.results.parity import parities
    from dataenvgym_spec.results.stamps import stamps

    ran, asked = stamps(results), parities(results)
    if len(compared) > 1:
        found = table(compared, floor)
        console.print()
        print_table(console, _narrow(found))
        console.print(harmless(found.note))
    said = answers(compared, told, asked, floor)
    for one in said.each:
        contrast = one.contrast
        console.print(harmless(f"\n{words.difference(contrast)} {words.verdict(contrast)}"))
        for sentence in (one.floor, *one.notes):
            console.print(harmless(sentence))
        for warning in words.warnings(contrast, ran, asked.get(contrast.question)):
            console.print(harmless(warning, style="yellow"))
    if said.every:
        console.print(harmless("\n".join(("\nOf each of these contrasts:", *said.every))))


def _narrow(table: TextTable) -> TextTable:
    """The table less its words but for the names, and less the items: all of that is told below."""
    kept = [0, *(n for n, name in enumerate(table.head) if name.startswith("#"))][:-1]
    lines = []
    for line in table.lines:
        first, kind, *_ = line.cells
        cells = [line.cells[number] for number in kept[1:]]
        name = f"{first} (primary)" if kind == "primary" else first
        lines.append(replace(line, cells=(name, *cells)))
    return replace(table, head=tuple(table.head[n] for n in kept), lines=tuple(lines))
