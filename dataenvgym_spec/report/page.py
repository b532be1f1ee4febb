"""The report as one self-contained HTML file: no script, no external request, foreign text escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from dataenvgym_spec.report import drawing, text, words
from dataenvgym_spec.results.curves import Grid
from dataenvgym_spec.results.ledger import common, mixed
from dataenvgym_spec.results.study import Study

_FILTERS = (
    text.percent,
    text.interval,
    text.points,
    text.point_interval,
    text.p_value,
    text.duration,
    text.moment,
    text.count,
    text.clean,
    text.shorten,
)


def page(study: Study) -> str:
    """The HTML of the report; equal studies give equal bytes."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {function.__name__: function for function in _FILTERS}
    template = environment.get_template("page.html.j2")
    whats = [
        "accepted",
        "surplus",
        *sorted({what for item in study.yields for what, _ in item.rejected}),
    ]
    return template.render(
        study=study,
        words=words,
        style=Markup(_read("page.css")),
        svg=_drawings(study, whats),
        hue={arm: drawing.hue(number) for number, arm in enumerate(study.arms)},
        whats=[(what, drawing.fate_hue(number)) for number, what in enumerate(whats)],
        checks=whats[2:],
        common=common(study.stamps),
        mixed=mixed(study.stamps),
        items=_items(study),
    ) + "\n"  # fmt: skip


def _read(name: str) -> str:
    return (files("dataenvgym_spec.report") / name).read_text(encoding="utf-8")


def _drawings(study: Study, whats: list[str]) -> dict[str, Any]:
    """The figures; those of an arm are listed in the order of the arms."""
    most = max((item.candidates for item in study.yields), default=1)
    by_arm = {arm: [item for item in study.yields if item.arm == arm] for arm in study.arms}
    drawn = {
        "outcomes": drawing.outcomes(study.summaries, study.arms),
        "by_iteration": drawing.curves(study.mean_curves, study.curves, "iteration"),
        "by_examples": drawing.curves(study.mean_curves, study.curves, "examples"),
    }
    per_arm = {
        "skills": [
            drawing.grid(grid, f"skills-{number}", _most(study.skills), percent=True)
            for number, grid in enumerate(study.skills)
        ],
        "allocation": [
            drawing.grid(grid, f"allocation-{number}", _most(study.allocation), percent=False)
            for number, grid in enumerate(study.allocation)
        ],
        "yields": [
            drawing.yields(found, whats, f"yields-{number}", most)
            for number, found in enumerate(by_arm.values())
        ],
    }
    return {name: Markup(svg) for name, svg in drawn.items()} | {
        name: [Markup(svg) for svg in svgs] for name, svgs in per_arm.items()
    }


def _most(grids: tuple[Grid, ...]) -> float:
    return max(
        (value for grid in grids for row in grid.cells for value in row if value is not None),
        default=0.0,
    )


def _items(study: Study) -> dict[str, str]:
    """How many items the figures rest on."""
    test = sorted({outcome.items for outcome in study.outcomes})
    selection = sorted({point.items for curve in study.curves for point in curve.points})
    return {
        "test": _counts(test),
        "selection": _counts(selection),
        "skills": _counts(_per_skill(study.skills)),
    }


def _per_skill(grids: tuple[Grid, ...]) -> list[int]:
    return sorted({count for grid in grids for count in grid.items})


def _counts(found: list[int]) -> str:
    if not found:
        return "no"
    return (
        text.count(found[0])
        if len(found) == 1
        else f"{text.count(found[0])} to {text.count(found[-1])}"
    )
