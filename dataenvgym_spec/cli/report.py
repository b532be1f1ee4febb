"""`dataenvgym report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json, warn_of_edits
from dataenvgym_spec.cli.contrasts import print_contrasts
from dataenvgym_spec.cli.elsewhere import absence, remedy
from dataenvgym_spec.cli.tabular import harmless, print_table
from dataenvgym_spec.cli.teaching import PARTS, print_part
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.report.extra import require
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.judging import judging

if TYPE_CHECKING:
    from rich.console import Console

    from dataenvgym_spec.report.exports import Format
    from dataenvgym_spec.report.tables import TextTable
    from dataenvgym_spec.results.evidence.contrasts import Comparison
    from dataenvgym_spec.results.evidence.scores import Outcome

HEADINGS: Final = (
    "arm",
    "seed",
    "student",
    "iteration",
    "examples",
    "right",
    "95% interval",
    "items",
)
UNREAD: Final = {"unparseable": "unread", "truncated": "cut"}
"""Answers that are wrong for another reason than what they say, and their columns."""
WORDS: Final = ("arm", "student")
"""The columns that hold words; the others hold numbers."""


@click.command("report")
@click.argument("name")
@click.argument("part", required=False, type=click.Choice(PARTS))
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write tables, curves and figures as files into this folder instead.",
)
@click.option(
    "--format",
    "chosen",
    type=click.Choice(("latex", "csv", "png", "svg")),
    multiple=True,
    help="Of what is exported: only this. Can be repeated.",
)
@click.option("--runs", is_flag=True, help="Below the means over runs: every run.")
@as_json
def command(
    name: str,
    part: str | None,
    folder: Path | None,
    chosen: tuple[Format, ...],
    runs: bool,
    as_json: bool,
) -> None:
    """Print the results of a finished experiment on the sealed test: base, best and last student
    of every arm, and the base under other prompts where the spec has baselines. Of several runs
    these are means; --runs adds every run below them. With --json it is every run.

    With PART, print what the report says of teaching instead, also while the experiment runs:
    skill trees by iteration (`tree`), who got how much and why (`allocation`), what was left
    after each check (`yield`), what it took (`ledger`), or some `examples` with all that led to
    them.

    With --export, write the main table, the contrasts and the curves as LaTeX and CSV, and the
    figures as PNG and SVG, for a paper.

    \b
    Example:
      dataenvgym report quickstart
      dataenvgym report quickstart --runs
      dataenvgym report quickstart yield
      dataenvgym report quickstart --export paper/quickstart --format latex
    """
    if chosen and folder is None:
        raise UserError("--format is of what --export writes", help="add: --export FOLDER")
    if part is not None and folder is not None:
        raise UserError(f"'{part}' has no export", help=f"leave out '{part}', or --export")
    if runs and (part is not None or folder is not None):
        raise UserError("--runs is of the results in a terminal", help="leave out '--runs'")
    if part is not None:
        results = load(name, layout_here().root)
        print_part(results, part, as_json=as_json)
        return
    require("scipy")
    from dataenvgym_spec.report.metrics import record
    from dataenvgym_spec.results.evidence.contrasts import comparisons
    from dataenvgym_spec.results.evidence.scores import outcomes

    results = load(name, layout_here().root)
    warn_of_edits(results)
    rows = outcomes(results)
    if len(rows) < sum(len(run.students) for run in results.runs):
        message = f"'{name}' has no results on the sealed test yet"
        raise UserError(_because(message, results), help=remedy(results))
    if folder is not None:
        _export(results, folder, chosen, as_json=as_json)
        return
    if as_json:
        print_json([record(row) for row in rows])
        return
    _print(results, rows, comparisons(results), each=runs)


def _because(message: str, results: Results) -> str:
    """A message, with what is missing where it was made before."""
    reason = absence(results)
    return f"{message}: {reason}" if reason else message


def _export(results: Results, folder: Path, chosen: Sequence[Format], *, as_json: bool) -> None:
    """Writes files, and says which."""
    require("matplotlib")
    from dataenvgym_spec.report.exports import FORMATS, export
    from dataenvgym_spec.results.study import study

    written = [str(path) for path in export(study(results), folder, chosen or FORMATS)]
    if as_json:
        print_json(written)
        return
    for path in written:
        click.echo(path)


def _print(
    results: Results, rows: Sequence[Outcome], compared: Sequence[Comparison], *, each: bool
) -> None:
    """The table, and below it what it comes to in words.

    Args:
        results: the experiment.
        rows: its students in every run.
        compared: its contrasts.
        each: whether every run is shown where there are several.
    """
    from rich.console import Console

    from dataenvgym_spec.report import asking, declaring, noise, words
    from dataenvgym_spec.results.caveats import caveats
    from dataenvgym_spec.results.curves import curves
    from dataenvgym_spec.results.declared import declarations
    from dataenvgym_spec.results.evidence.choosing import choices
    from dataenvgym_spec.results.evidence.contrasts import unanswered
    from dataenvgym_spec.results.noise import noise_floor
    from dataenvgym_spec.results.parity import change_parities
    from dataenvgym_spec.results.probes import probed
    from dataenvgym_spec.results.wording import coverage

    console, told, floor = Console(), declarations(results), noise_floor(results)
    _print_scores(console, results, rows, each=each)
    print_contrasts(console, results, compared, told, floor)
    for sentence, parity in asking.of_change(change_parities(results)):
        console.print(harmless(f"\n{sentence}", style="yellow" if parity.differing else ""))
    for missing in unanswered(results):
        console.print(harmless(f"\n{words.unanswered(missing.question)}", style="yellow"))
    for sentence, warns in declaring.no_more(told):
        console.print(harmless(f"\n{sentence}", style="yellow" if warns else ""))
    for probe in probed(results):
        console.print(harmless(f"\n{words.probed(probe, noise.NOT_MEASURED)}"))
    console.print(harmless(f"\n{coverage(results.index.seeds)}"))
    if floor is not None:
        console.print(harmless(f"\n{noise.whose(floor)} {noise.spread_sentence(floor)}"))
    optimism = words.optimism(choices(results))
    if optimism:
        console.print(harmless(f"\n{optimism}"))
    stops = words.stops(curves(results))
    if stops:
        console.print(harmless(f"\n{stops}"))
    for sentence in words.judged(judging(results)):
        console.print(harmless(f"\n{sentence}"))
    for caveat in caveats(results):
        console.print(harmless(f"mind that {caveat}", style="yellow"))
    console.print(harmless(f"\nreport: {_page(results)}"), soft_wrap=True)


def _print_scores(
    console: Console, results: Results, rows: Sequence[Outcome], *, each: bool
) -> None:
    """The students' scores: means where there are several runs, and every run if asked for."""
    from dataenvgym_spec.results.evidence.scores import summaries

    many = len(results.index.seeds)
    if many == 1:
        print_table(console, _table(rows))
        return
    print_table(console, _table(summaries(results, rows), means=True))
    if each:
        console.print(harmless("\nEvery run, with intervals over items:"))
        print_table(console, _table(rows))
    else:
        how = f"dataenvgym report {results.name} --runs"
        console.print(harmless(f"Means over {many} runs; every run: {how}"))


def _table(rows: Sequence[Outcome], *, means: bool = False) -> TextTable:
    """Students and what they scored.

    Args:
        rows: of every run, or their means.
        means: whether they are means, which have no seed.
    """
    from dataenvgym_spec.report.tables import Line, TextTable
    from dataenvgym_spec.report.text import amount, count, interval, percent

    # Where there are none, a terminal has no room for them.
    unread = [name for name in UNREAD if any(getattr(row, name) for row in rows)]
    headings = [name for name in HEADINGS if not (means and name == "seed")]
    headings += [UNREAD[name] for name in unread]
    lines = []
    for row in rows:
        cells = (
            row.arm,
            *(() if means else (str(row.seed),)),
            row.student,
            "varies" if row.iteration is None else str(row.iteration),
            amount(row.examples, row.asked),
            percent(row.accuracy.value),
            interval(row.accuracy),
            count(row.items),
            *(count(getattr(row, name)) for name in unread),
        )
        lines.append(Line(cells=cells))
    head = tuple(name if name in WORDS else f"#{name}" for name in headings)
    return TextTable(title="students", head=head, lines=tuple(lines))


def _page(results: Results) -> str:
    """Where the page with the whole report is."""
    path = results.layout.report(results.name) / "index.html"
    if not path.is_file():
        return f"none yet; {remedy(results)}"
    return str(path.relative_to(results.layout.root))
