"""Draws the figures. The same records give the same bytes.

How they look and where they go is in `looks`: by default each is the text of an inline SVG.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.report.looks import PAGE, Look
from dataenvgym_spec.report.text import apart
from dataenvgym_spec.results.curves import Curve, Grid
from dataenvgym_spec.results.evidence.scores import Outcome
from dataenvgym_spec.results.fates import Fates, IterationFates
from dataenvgym_spec.results.skill_gains import TaughtSkill
from dataenvgym_spec.results.trainings import Training

Axis = Literal["iteration", "examples", "tokens", "usd", "gpu_minutes"]
_AXES: Final[dict[Axis, str]] = {
    "iteration": "iteration",
    "examples": "accepted examples so far",
    "tokens": "tokens that teaching took so far",
    "usd": "US dollars that teaching took so far",
    "gpu_minutes": "GPU minutes that teaching took so far",
}

TaughtAxis = Literal["examples", "base", "items"]
_TAUGHT_AXES: Final[dict[TaughtAxis, str]] = {
    "examples": "examples taught of the skill",
    "base": "base student's accuracy",
    "items": "sealed items of the skill",
}
HUES: Final = len(PAGE.hues)
_MARKERS: Final = "osD^vPXp"
_LINES: Final = ("-", "--", "-.", ":")
_MOST_SKILLS: Final = 60
_MOST_NUMBERS: Final = 12


def _settings(look: Look, name: str) -> dict[str, Any]:
    return {
        "font.size": 10,
        "text.parse_math": False,
        "text.color": look.ink,
        "axes.edgecolor": look.ink,
        "axes.labelcolor": look.ink,
        "xtick.color": look.ink,
        "ytick.color": look.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "grid.color": look.ink,
        "grid.alpha": 0.12,
        "grid.linewidth": 0.6,
        "path.simplify": False,
        "svg.hashsalt": name,
        **look.settings,
    }


def _percent(value: float, _position: int) -> str:
    return f"{100 * value:.4g}%"


@contextmanager
def canvas(
    name: str, look: Look, *, height: float, width: float = 5.0
) -> Iterator[tuple[Any, list[str]]]:
    """An empty figure with one pair of axes, and where it goes; `name` salts the ids."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The page's font draws the text, whatever glyphs the one it is measured with has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_settings(look, name))
        figure = Figure(figsize=(width, height), layout="constrained")
        finished: list[str] = []
        yield figure.subplots(), finished
        finished.append(look.finish(figure, name))


def hue(number: int) -> int:
    """Which of the page's colours the n-th arm has."""
    return number % HUES


def fate_hue(number: int) -> int:
    """Which of the page's colours the n-th fate of a candidate has.

    The first ones are other than those of the first arms.
    """
    return (number + 2) % HUES


def curves(means: Sequence[Curve], runs: Sequence[Curve], x: Axis, *, look: Look = PAGE) -> str:
    """Learning curves: a line and an interval band per arm, runs as thin lines.

    The best iteration of each run has a ring around it. A point whose place is not known is left
    out.
    """
    means, runs = ([_placed(curve, x) for curve in some] for some in (means, runs))
    with canvas(f"curves-{x}", look, height=3.4) as (axes, text):
        for number, mean in enumerate(means):
            _mean(axes, mean, x, number, look)
            _runs(axes, [run for run in runs if run.arm == mean.arm], x, look.hues[hue(number)])
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.xaxis.set_major_locator(MaxNLocator(integer=x == "iteration", nbins=7))
        if x == "tokens":
            axes.xaxis.set_major_formatter(EngFormatter())
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom=max(0.0, bottom), top=min(1.0, top))
        axes.grid(axis="y")
        axes.set_xlabel(_AXES[x])
        axes.set_ylabel("accuracy on selection")
        if look.legend:
            axes.legend(frameon=False)
    return text[0]


def _placed(curve: Curve, x: Axis) -> Curve:
    """A curve without the points that have no place on an axis."""
    points = (point for point in curve.points if getattr(point, x) is not None)
    return replace(curve, points=tuple(points))


def _mean(axes: Any, mean: Curve, x: Axis, number: int, look: Look) -> None:
    """The line and the interval band of the n-th arm."""
    colour = look.hues[hue(number)]
    line, marker = _LINES[number % len(_LINES)], _MARKERS[hue(number)]
    places = [getattr(point, x) for point in mean.points]
    values = [point.accuracy.value for point in mean.points]
    low = [point.accuracy.low for point in mean.points]
    high = [point.accuracy.high for point in mean.points]
    axes.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0)
    style = {"color": colour, "linestyle": line, "marker": marker, "label": mean.arm}
    axes.plot(places, values, **style, linewidth=1.8, markersize=4.5)


def _runs(axes: Any, runs: Sequence[Curve], x: Axis, colour: str) -> None:
    """A ring around each run's best iteration.

    Where there are several runs, each as a thin line.
    """
    ring = {"markersize": 12, "fillstyle": "none", "color": colour, "markeredgewidth": 1.4}
    for run in runs:
        if len(runs) > 1:
            places = [getattr(point, x) for point in run.points]
            values = [point.accuracy.value for point in run.points]
            axes.plot(places, values, color=colour, linewidth=0.7, alpha=0.6)
        for point in run.points:
            if point.iteration == run.best:
                axes.plot([getattr(point, x)], [point.accuracy.value], "o", **ring)


def taught(
    skills: Sequence[TaughtSkill], arms: Sequence[str], x: TaughtAxis, *, look: Look = PAGE
) -> str:
    """The gain of each skill, by how much of it was taught, how hard it was or how frequent it is.

    Args:
        skills: of all arms.
        arms: in the order of their colours.
        x: `examples`, `base`, the accuracy of the base student, or `items`.
        look: how it looks.
    """
    with canvas(f"gains-{x}", look, height=3.0) as (axes, text):
        axes.axhline(0.0, color=look.ink, linewidth=0.6)
        for number, arm in enumerate(arms):
            mine = [skill for skill in skills if skill.arm == arm]
            places = [getattr(skill, x) for skill in mine]
            style = {"color": look.hues[hue(number)], "marker": _MARKERS[hue(number)]}
            gains = [skill.gain for skill in mine]
            axes.plot(places, gains, linestyle="none", markersize=5, label=arm, **style)
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        if x == "base":
            axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axes.grid(axis="both")
        axes.set_xlabel(_TAUGHT_AXES[x])
        axes.set_ylabel("gain on the sealed test")
        if look.legend:
            axes.legend(frameon=False)
    return text[0]


def outcomes(outcomes: Sequence[Outcome], arms: Sequence[str], *, look: Look = PAGE) -> str:
    """A dot and an interval per arm and student on the sealed test."""
    height = 0.55 + 0.27 * len(outcomes) + 0.12 * len(arms)
    names = dict(zip(arms, apart(arms, 20), strict=True))
    places, labels = [], []
    with canvas("outcomes", look, height=height) as (axes, text):
        for row, outcome in enumerate(outcomes):
            number = arms.index(outcome.arm)
            place = -row - 0.5 * number
            estimate, colour = outcome.accuracy, look.hues[hue(number)]
            axes.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=2)
            axes.plot([estimate.value], [place], _MARKERS[hue(number)], color=colour, markersize=6)
            places.append(place)
            labels.append(f"{names[outcome.arm]}, {outcome.student}")
        axes.set_yticks(places, labels)
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.grid(axis="x")
        axes.set_xlabel("accuracy on the sealed test")
    return text[0]


def rewards(trainings: Sequence[Training], arms: Sequence[str], *, look: Look = PAGE) -> str:
    """The reward of each training by its steps, a line each; empty where none has a reward."""
    rewarded = [one for one in trainings if one.rewarded]
    if not rewarded:
        return ""
    with canvas("rewards", look, height=3.0) as (axes, text):
        named: set[str] = set()
        for one in rewarded:
            number = arms.index(one.arm)
            steps = [point.step for point in one.rewarded]
            values = [point.reward for point in one.rewarded]
            style = {"color": look.hues[hue(number)], "linestyle": _LINES[number % len(_LINES)]}
            # An arm has a line for each training, and one entry in the legend.
            style["label"] = f"_{one.arm}" if one.arm in named else one.arm
            named.add(one.arm)
            axes.plot(steps, values, **style, linewidth=1.2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axes.grid(axis="y")
        axes.set_xlabel("step of the training")
        axes.set_ylabel("reward")
        if look.legend:
            axes.legend(frameon=False)
    return text[0]


def grid(grid: Grid, name: str, most: float, *, percent: bool, look: Look = PAGE) -> str:
    """A heat map of skills by iterations, with numbers while there is room.

    Args:
        grid: accuracies or amounts.
        name: salts the ids.
        most: the largest value of all arms, which has the fullest colour.
        percent: whether the values are accuracies.
        look: how it looks.
    """
    skills, columns = grid.skills[:_MOST_SKILLS], len(grid.iterations)
    rows = max(1, len(skills))
    from_base = grid.iterations[:1] == (0,)
    hue = look.hues[0 if percent else 2]
    with canvas(name, look, height=0.75 + 0.29 * rows) as (axes, text):
        for row, values in enumerate(grid.cells[:_MOST_SKILLS]):
            for column, value in enumerate(values):
                if value is not None:
                    share = value / most if most else 0.0
                    words = f"{100 * value:.0f}" if percent else f"{value:.0f}"
                    if columns > _MOST_NUMBERS:
                        words = ""
                    _cell(axes, (column, row), share, hue, words)
        axes.set_xlim(-0.5, columns - 0.5)
        axes.set_ylim(rows - 0.5, -0.5)
        step = 1 + columns // 16
        numbers = [str(number) for number in grid.iterations[::step]]
        axes.set_xticks(range(0, columns, step), numbers)
        names = apart([clean(skill) for skill in skills], 22)
        axes.set_yticks(range(len(skills)), names)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("iteration (0: the base student)" if from_base else "iteration")
    return text[0]


def _cell(axes: Any, place: tuple[int, int], share: float, hue: str, words: str) -> None:
    """One cell of a heat map, with its number if there is room for it."""
    column, row = place
    # Numbers in the ink of the page have to stay readable on the fullest colour.
    fullest = 0.55 if words else 0.95
    alpha = 0.03 + (fullest - 0.03) * share
    corner = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=hue, alpha=alpha, linewidth=0))
    if words:
        axes.text(column, row, words, ha="center", va="center")


def fates(
    rows: Sequence[IterationFates],
    names: Sequence[str],
    name: str,
    most: int,
    *,
    look: Look = PAGE,
) -> str:
    """Stacked bars per iteration: accepted, surplus, and what each check rejected.

    Args:
        rows: the iterations of one arm.
        names: all fates of all arms, in the order of the colours.
        name: salts the ids.
        most: the longest bar of all arms.
        look: how it looks.
    """
    with canvas(name, look, height=0.75 + 0.3 * len(rows)) as (axes, text):
        for row, item in enumerate(rows):
            _bar(axes, row, item.fates, names, look)
        axes.set_yticks(range(len(rows)), [str(item.iteration) for item in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, 1.03 * max(1, most))
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.set_ylabel("iteration")
        axes.set_xlabel("candidates")
        if look.legend:
            handles, labels = axes.get_legend_handles_labels()
            shown = dict(zip(labels, handles, strict=True))
            axes.legend(
                shown.values(), shown.keys(), frameon=False, loc="upper left", bbox_to_anchor=(1, 1)
            )
    return text[0]


def _bar(axes: Any, row: int, fates: Fates, names: Sequence[str], look: Look) -> None:
    """The stacked bar of one iteration."""
    counts = {"accepted": fates.accepted, "surplus": fates.surplus, **dict(fates.rejected)}
    left = 0
    for number, fate in enumerate(names):
        count = counts.get(fate, 0)
        style = _bar_style(fate, number, look)
        axes.barh(row, count, left=left, height=0.7, linewidth=0, label=clean(fate), **style)
        left += count


def _bar_style(fate: str, number: int, look: Look) -> dict[str, Any]:
    if fate == "surplus":
        return {"color": look.ink, "alpha": 0.22}
    return {"color": look.hues[fate_hue(number)]}
