"""The report as one self-contained HTML file.

No script, no external request, foreign text escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.report import (
    asking,
    contrasts,
    correcting,
    declaring,
    drawing,
    growth,
    noise,
    tables,
    text,
    words,
)
from dataenvgym_spec.report.pictures import pictures
from dataenvgym_spec.report.points import costs
from dataenvgym_spec.results import wording
from dataenvgym_spec.results.curves import Grid
from dataenvgym_spec.results.fates import in_order
from dataenvgym_spec.results.stamps import common, mixed
from dataenvgym_spec.results.study import Study

_FILTERS: Final = (
    text.percent,
    text.interval,
    text.points,
    text.point_interval,
    text.p_value,
    text.duration,
    text.moment,
    text.count,
    text.amount,
    clean,
    text.shorten,
    text.apart,
    pictures,
)

_CURVES_BY: Final[dict[drawing.Axis, str]] = {
    "tokens": "the tokens of all that led to a student: what teachers and models read and wrote, "
    "what was trained",
    "usd": "dollars, by the table of prices: machine, teachers, images",
    "gpu_minutes": "minutes on GPUs, times the GPUs in use",
}
"""What of the costs of teaching a curve is drawn against."""
_GAIN_BY: Final[dict[drawing.TaughtAxis, str]] = {
    "examples": "the examples that it was taught of it",
    "base": "how well the base student did: what was hard is on the left",
    "items": "how many sealed items are of it: what is rare is on the left",
}


def page(study: Study) -> str:
    """The HTML of the report; equal studies give equal bytes."""
    rejected = [pair for item in study.yields for pair in item.fates.rejected]
    checks = in_order(check for check, _ in rejected)
    names = ["accepted", "surplus", *checks]
    arm_hues = {arm: drawing.hue(number) for number, arm in enumerate(study.arms)}
    fate_hues = [(name, drawing.fate_hue(number)) for number, name in enumerate(names)]
    html = _template().render(
        study=study,
        answers=contrasts.answers(study.contrasts, study.declared, study.parities, study.floor),
        asking=asking,
        correcting=correcting,
        declaring=declaring,
        words=words,
        wording=wording,
        covering=_covering(study),
        noise=noise,
        style=Markup(_read("page.css")),
        svg=_drawings(study, names),
        hue=arm_hues,
        whats=fate_hues,
        tables=_tables(study),
        common=common(study.stamps),
        mixed=mixed(study.stamps),
        items=_items(study),
    )
    return f"{html}\n"


def _tables(study: Study) -> dict[str, Any]:
    """The tables of the sections on teaching."""
    return {
        "trees": tables.tree_tables(study.trees),
        "allocations": tables.allocation_tables(study.amounts),
        "reasons": tables.reason_tables(study.reasons),
        "yields": tables.yield_table(study.yields),
        "ledger": tables.ledger_tables(study.accounts),
        "trainings": tables.training_table(study.trainings),
        "noise": None if study.floor is None else noise.table(study.floor),
        "contrasts": contrasts.table(study.contrasts, study.floor),
    }


def _covering(study: Study) -> dict[str, str]:
    """What the intervals in tables of differences cover; an answer says it of itself."""
    runs, skills = [], []
    for contrast in study.contrasts:
        name = wording.compared(contrast.question)
        runs += [(name, pair.difference) for _, pair in contrast.runs]
    for row in study.taught_skills:
        if row.change is not None:
            skills.append((f"{row.skill} in {row.arm}", row.change))
    changes = [(one.arm, one.change) for one in study.probed if one.change is not None]
    gains = [(gain.arm, gain.paired.difference) for gain in study.gains]
    named = {"runs": runs, "skills": skills, "probes": changes, "gains": gains}
    return {name: wording.intervals(differences) for name, differences in named.items()}


def _template() -> Any:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in _FILTERS:
        environment.filters[function.__name__] = function
    return environment.get_template("page.html.j2")


def _read(name: str) -> str:
    return (files("dataenvgym_spec.report") / name).read_text(encoding="utf-8")


def _drawings(study: Study, names: Sequence[str]) -> dict[str, Any]:
    """The figures; those of an arm are listed in the order of the arms."""
    outcomes = drawing.outcomes(study.summaries, study.arms)
    by_iteration = drawing.curves(study.mean_curves, study.curves, "iteration")
    by_examples = drawing.curves(study.mean_curves, study.curves, "examples")
    planned = [grid for grid in study.allocation if grid.skills]
    by_cost = [
        (_CURVES_BY[axis], Markup(drawing.curves(study.mean_curves, study.curves, axis)))
        for axis in costs(study)
    ]
    drawn = _grids(planned, "allocation", percent=False)
    return {
        "outcomes": Markup(outcomes),
        "by_iteration": Markup(by_iteration),
        "by_examples": Markup(by_examples),
        "by_cost": by_cost,
        "taught": _taught(study),
        "skills": _grids(study.skills, "skills", percent=True),
        "allocation": list(zip(planned, drawn, strict=True)),
        "trees": _trees(study),
        "yields": _fates(study, names),
        "flips": _flips(study),
        "rewards": Markup(drawing.rewards(study.trainings, study.arms)),
    }


def taught_axes(study: Study) -> tuple[drawing.TaughtAxis, ...]:
    """What the gains of skills can be drawn against; nothing where there are none.

    In most tasks all skills have equally many items, by which nothing is to be seen.
    """
    if not study.taught_skills:
        return ()
    varied = len({row.items for row in study.taught_skills}) > 1
    return ("examples", "base", "items") if varied else ("examples", "base")


def _taught(study: Study) -> list[tuple[str, Markup]]:
    """The gains of skills, with what the pictures show."""
    return [
        (_GAIN_BY[axis], Markup(drawing.taught(study.taught_skills, study.arms, axis)))
        for axis in taught_axes(study)
    ]


def _trees(study: Study) -> dict[str, Markup]:
    """How skill trees grew, by arm."""
    numbered = enumerate(study.trees)
    return {one.arm: Markup(growth.tree(one, f"tree-{number}")) for number, one in numbered}


def most_flips(study: Study) -> float:
    """The longest bar of flips, so that all arms are on one scale."""
    return max((max(row.fixed, row.broken) for row in study.flips), default=0.0)


def _flips(study: Study) -> list[tuple[str, Markup]]:
    """What each iteration fixed and broke, by arm."""
    most, drawn = most_flips(study), []
    for number, arm in enumerate(study.arms):
        mine = [row for row in study.flips if row.arm == arm]
        if mine:
            drawn.append((arm, Markup(growth.flips(mine, f"flips-{number}", most))))
    return drawn


def _grids(grids: Sequence[Grid], name: str, *, percent: bool) -> list[Markup]:
    """One heat map per arm, all on one scale."""
    cells = [value for grid in grids for row in grid.cells for value in row]
    most = max((value for value in cells if value is not None), default=0.0)
    drawn = []
    for number, grid in enumerate(grids):
        svg = drawing.grid(grid, f"{name}-{number}", most, percent=percent)
        drawn.append(Markup(svg))
    return drawn


def _fates(study: Study, names: Sequence[str]) -> list[tuple[str, Markup]]:
    """One bar chart per arm with candidates, all on one scale."""
    most = max((item.fates.candidates for item in study.yields), default=1)
    drawn = []
    for number, arm in enumerate(study.arms):
        mine = [item for item in study.yields if item.arm == arm]
        if mine:
            svg = drawing.fates(mine, names, f"yields-{number}", most)
            drawn.append((arm, Markup(svg)))
    return drawn


def _items(study: Study) -> dict[str, str]:
    """How many items the figures rest on."""
    test = {outcome.items for outcome in study.outcomes}
    selection = {point.items for curve in study.curves for point in curve.points}
    skills = {count for grid in study.skills for count in grid.items}
    return {"test": _range(test), "selection": _range(selection), "skills": _range(skills)}


def _range(counts: set[int]) -> str:
    """Some counts in words: one number, or from the least to the most."""
    if not counts:
        return "no"
    least, most = text.count(min(counts)), text.count(max(counts))
    return least if least == most else f"{least} to {most}"
