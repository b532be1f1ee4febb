"""The report's main table, contrasts, curves and figures as files: for a paper or a spreadsheet.

Names of files do not depend on results, so that a paper can include them and have them made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from dataenvgym_spec.report import contrasts, declaring, drawing, formats, growth, noise
from dataenvgym_spec.report.looks import Look, printed
from dataenvgym_spec.report.page import most_flips, taught_axes
from dataenvgym_spec.report.points import costs, curves_csv
from dataenvgym_spec.report.tables import Line, TextTable
from dataenvgym_spec.report.text import (
    amount,
    count,
    interval,
    percent,
)
from dataenvgym_spec.results.curves import Curve, Grid
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.fates import in_order
from dataenvgym_spec.results.noise import beside
from dataenvgym_spec.results.study import Study
from dataenvgym_spec.results.wording import compared, scored, seen
from dataenvgym_spec.store.atomic import write

Format = Literal["latex", "csv", "png", "svg"]
FORMATS: Final[tuple[Format, ...]] = ("latex", "csv", "png", "svg")
CONTRAST_COLUMNS: Final = (
    *("contrast", "arm", "against", "split", "primary"),
    *("difference", "low", "high", "covers", "items"),
    *("runs", "p", "p_holm", "family", "run_deviation", "noise_floor"),
    *("equivalence", "low_90", "high_90", "p_equivalence", "p_equivalence_holm", "equivalent"),
)
LEFT_OUT_COLUMNS: Final = (
    *("contrast", "primary", "equivalence", "declared_in", "declared", "left_out_in", "left_out"),
    "before_results",
)
SCORE: Final = ("right", "low", "high", "covers")
MAIN: Final = ("arm", "student", "#right", "#95% interval", "#items", "#examples")


def export(study: Study, folder: Path, chosen: Sequence[Format]) -> list[Path]:
    """Writes the files of some formats into a folder; others in it are left alone.

    Args:
        study: the results.
        folder: where to; it need not exist.
        chosen: the formats.

    Returns:
        The files, in the order of the report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    texts: dict[str, str] = {}
    if "latex" in chosen:
        for name, table in tables(study).items():
            label = f"tab:{study.name}-{name}"
            texts[f"{name}.tex"] = formats.latex(table, label)
    if "csv" in chosen:
        texts |= csv_files(study)
    for name, text in texts.items():
        write(folder / name, text)
        written.append(folder / name)
    drawn = tuple(form for form in ("png", "svg") if form in chosen)
    if drawn:
        for names in figures(study, printed(folder, drawn)):
            written += [folder / name for name in names.split("\n")]
    return written


def tables(study: Study) -> dict[str, TextTable]:
    """The tables of a paper by their names, those without a row left out."""
    found = {"main": main_table(study), "contrasts": contrast_table(study)}
    found["curves"] = curve_table(study.mean_curves)
    return {name: table for name, table in found.items() if table.lines}


def main_table(study: Study) -> TextTable:
    """Every student on the sealed test, means over runs."""
    lines = []
    for one in study.summaries:
        right, span = percent(one.accuracy.value), interval(one.accuracy)
        taught = amount(one.examples, one.asked)
        lines.append(Line(cells=(one.arm, one.student, right, span, count(one.items), taught)))
    over = scored(study.summaries, len(study.seeds))
    title = f"Students of {study.name} on the sealed test, with 95% intervals: {over}."
    return TextTable(title=title, head=MAIN, lines=tuple(lines))


def contrast_table(study: Study) -> TextTable:
    """The declared contrasts, in percentage points; claims of equivalence where there are any."""
    found = contrasts.table(study.contrasts, study.floor)
    title = f"Declared contrasts of {study.name}, in percentage points. {found.note}"
    title = " ".join(filter(None, (title, declaring.caption(study.declared))))
    return TextTable(title=title, head=found.head, lines=found.lines)


def curve_table(curves: Sequence[Curve]) -> TextTable:
    """Accuracy on selection by iteration, a line for each arm."""
    iterations = sorted({point.iteration for curve in curves for point in curve.points})
    lines = []
    for curve in curves:
        values = {point.iteration: percent(point.accuracy.value) for point in curve.points}
        lines.append(Line(cells=(curve.arm, *(values.get(number, "") for number in iterations))))
    head = ("arm", *(f"#{number}" for number in iterations))
    title = "Accuracy on selection after each iteration; 0 is the base student."
    return TextTable(title=title, head=head, lines=tuple(lines))


def csv_files(study: Study) -> dict[str, str]:
    """The texts of the CSV files by name: numbers in full, shares from 0 to 1."""
    head = ("arm", "student", "seed", "iteration", *SCORE, "items", "examples")
    rows = {"main": study.summaries, "runs": study.outcomes}
    texts = {}
    for name, outcomes in rows.items():
        cells = []
        for one in outcomes:
            right = one.accuracy
            ends = (right.value, right.low, right.high, right.covers)
            place = (one.arm, one.student, one.seed, one.iteration)
            cells.append((*place, *ends, one.items, one.examples))
        texts[f"{name}.csv"] = formats.csv_text(head, cells)
    texts["contrasts.csv"] = formats.csv_text(
        CONTRAST_COLUMNS, [_contrast_cells(one, study.floor) for one in study.contrasts]
    )
    left_out = [_left_out_cells(row) for row in declaring.records(study.declared)]
    texts["left-out.csv"] = formats.csv_text(LEFT_OUT_COLUMNS, left_out)
    return texts | {"curves.csv": curves_csv(study)}


def _left_out_cells(row: dict[str, Any]) -> tuple[object, ...]:
    """A contrast that is declared no more; what is not known is left empty."""
    came, went = row["declared"], row["left_out"]
    dates = (came.get("commit"), came.get("when"), went.get("commit"), went.get("when"))
    return (row["contrast"], row["primary"], row["equivalence"], *dates, went["before_results"])


def _contrast_cells(contrast: Comparison, floor: Floor | None) -> tuple[object, ...]:
    question, found = contrast.question, contrast.difference
    who = (compared(question), question.arm, question.against, question.split)
    ends = (found.value, found.low, found.high)
    weighed = contrast.weighed
    # What one run does not know is left empty, which is not 0.
    deviation = None if weighed.crossed is None else seen(weighed.crossed.run_deviation)
    tests = (len(contrast.runs), weighed.p, contrast.adjusted, contrast.family, deviation)
    width = noise.plain(beside(floor, question, weighed))
    row = (*who, question.primary, *ends, found.covers, contrast.items, *tests, width)
    claim = contrast.equivalence
    if claim is None:
        return (*row, *(None,) * 6)
    return (*row, claim.bound, claim.low, claim.high, claim.p, claim.adjusted, claim.shown)


def figures(study: Study, look: Look) -> Iterator[str]:
    """Draws the report's figures; gives what stands for each."""
    yield drawing.outcomes(study.summaries, study.arms, look=look)
    axes: tuple[drawing.Axis, ...] = ("iteration", "examples", *costs(study))
    for axis in axes:
        yield drawing.curves(study.mean_curves, study.curves, axis, look=look)
    for by in taught_axes(study):
        yield drawing.taught(study.taught_skills, study.arms, by, look=look)
    yield from _grids(study.skills, "skills", look, percent=True)
    planned = [grid for grid in study.allocation if grid.skills]
    yield from _grids(planned, "allocation", look, percent=False)
    for grown in study.trees:
        yield growth.tree(grown, f"tree-{grown.arm}", look=look)
    for arm in study.arms:
        flips = [row for row in study.flips if row.arm == arm]
        if flips:
            yield growth.flips(flips, f"flips-{arm}", most_flips(study), look=look)
    rejected = [check for item in study.yields for check, _ in item.fates.rejected]
    names = ["accepted", "surplus", *in_order(rejected)]
    most = max((item.fates.candidates for item in study.yields), default=1)
    for arm in study.arms:
        mine = [item for item in study.yields if item.arm == arm]
        if mine:
            yield drawing.fates(mine, names, f"yields-{arm}", most, look=look)
    rewards = drawing.rewards(study.trainings, study.arms, look=look)
    if rewards:
        yield rewards


def _grids(grids: Sequence[Grid], name: str, look: Look, *, percent: bool) -> Iterator[str]:
    """One heat map per arm, all on one scale."""
    cells = [value for grid in grids for row in grid.cells for value in row]
    most = max((value for value in cells if value is not None), default=0.0)
    for grid in grids:
        yield drawing.grid(grid, f"{name}-{grid.arm}", most, percent=percent, look=look)
