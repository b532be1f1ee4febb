"""The declared contrasts in a terminal: several as a table first, then each in words."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Prints them; what is to be said of every one of several is said once, below them.

    Args:
        console: where to.
        results: the experiment.
        compared: its contrasts.
        told: when they were declared.
        floor: the noise floor, where it was measured.
    """
    from dataenvgym_spec.report import asking, declaring, noise, words
    from dataenvgym_spec.results import wording
    from dataenvgym_spec.results.noise import beside
    from dataenvgym_spec.results.parity import parities
    from dataenvgym_spec.results.stamps import stamps

    ran, asked = stamps(results), parities(results)
    if len(compared) > 1:
        console.print()
        print_table(console, _table(compared, floor))
        spans = ((wording.compared(one.question), one.difference) for one in compared)
        console.print(harmless(wording.intervals(spans)))
    each, explained = [], False
    for contrast in compared:
        question, parity = contrast.question, asked.get(contrast.question)
        said = [declaring.declared(told.standing[question])]
        said.append(noise.floor_of(floor, question, contrast.weighed, again=explained))
        explained = explained or bool(beside(floor, question, contrast.weighed))
        if parity is not None and not parity.differing:
            said.append(asking.asked(parity))
        each.append(said)
    every = [one for one in each[0] if all(one in said for said in each[1:])] if each[1:] else []
    for contrast, said in zip(compared, each, strict=True):
        console.print(harmless(f"\n{words.difference(contrast)} {words.verdict(contrast)}"))
        for sentence in said:
            if sentence not in every:
                console.print(harmless(sentence))
        for warning in words.warnings(contrast, ran, asked.get(contrast.question)):
            console.print(harmless(warning, style="yellow"))
    if every:
        console.print(harmless("\n".join(("\nOf each of these contrasts:", *every))))


def _table(compared: Sequence[Comparison], floor: Floor | None) -> TextTable:
    from dataenvgym_spec.report.contrasts import HEAD, cells
    from dataenvgym_spec.report.tables import Line, TextTable
    from dataenvgym_spec.results import wording

    lines = []
    for one in compared:
        kind = " (primary)" if one.question.primary else ""
        who = f"{wording.compared(one.question)}{kind}"
        lines.append(Line(cells=(who, *cells(one, floor))))
    return TextTable(title="contrasts", head=("contrast", *HEAD), lines=tuple(lines))
