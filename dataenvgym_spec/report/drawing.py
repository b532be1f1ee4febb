"""Draws the figures as inline SVG text. The same records give the same bytes; colours are CSS variables of the page.

Text stays text, in the page's font; legends are HTML of the page, so that they wrap on a phone.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dataenvgym_spec.report.text import clean, shorten
from dataenvgym_spec.results.curves import Curve, Grid, Yield
from dataenvgym_spec.results.evidence.scores import Outcome

_INK: Final = "#010101"
_HUE: Final = tuple(f"#0101a{number}" for number in range(8))
"""Stand-ins for the page's `--ink` and `--hue-0` ...: Matplotlib knows no CSS variables."""
_MARKERS: Final = "osD^vPXp"
_LINES: Final = ("-", "--", "-.", ":")
_MOST_SKILLS: Final = 60
_MOST_NUMBERS: Final = 12
_SETTINGS: Final = {
    "font.size": 10, "svg.fonttype": "none", "text.parse_math": False, "text.color": _INK, "axes.edgecolor": _INK, "axes.labelcolor": _INK,
    "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    "grid.color": _INK, "grid.alpha": 0.12, "grid.linewidth": 0.6, "path.simplify": False,
}  # fmt: skip


def _percent(value: float, _position: int) -> str:
    return f"{100 * value:.4g}%"


@contextmanager
def _canvas(name: str, *, height: float, width: float = 5.0) -> Iterator[tuple[Any, list[str]]]:
    """An empty figure with one pair of axes, and where its text goes; `name` salts the ids."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The page's font draws the text, whatever glyphs the one it is measured with has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update({**_SETTINGS, "svg.hashsalt": name})
        figure = Figure(figsize=(width, height), layout="constrained")
        text: list[str] = []
        yield figure.subplots(), text
        buffer = io.StringIO()
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
        text.append(_inline(buffer.getvalue(), name))


def _inline(svg: str, name: str) -> str:
    """The `<svg>` element alone: no prologue, namespaces, global style or size, ids of its own, colours of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'(xlink:)?href="#', f'href="#{name}-', rest)
    rest = rest.replace("url(#", f"url(#{name}-").replace(_INK, "var(--ink)")
    for number, hue in enumerate(_HUE):
        rest = rest.replace(hue, f"var(--hue-{number})")
    return f'<svg {box[0] if box else ""} aria-hidden="true">{rest.strip()}'


def hue(number: int) -> int:
    """Which of the page's colours the n-th arm has."""
    return number % len(_HUE)


def fate_hue(number: int) -> int:
    """Which of the page's colours the n-th fate of a candidate has; the first ones are other than those of the first arms."""
    return (number + 2) % len(_HUE)


def curves(
    means: Sequence[Curve], runs: Sequence[Curve], x: Literal["iteration", "examples"]
) -> str:
    """Learning curves: a line and an interval band per arm, the best iteration of each run ringed, runs as thin lines."""
    with _canvas(f"curves-{x}", height=3.4) as (axes, text):
        for number, mean in enumerate(means):
            colour = _HUE[hue(number)]
            places = [getattr(point, x) for point in mean.points]
            values = [point.accuracy for point in mean.points]
            axes.fill_between(
                places,
                [v.low for v in values],
                [v.high for v in values],
                color=colour,
                alpha=0.13,
                linewidth=0,
            )
            style = {
                "color": colour,
                "linestyle": _LINES[number % len(_LINES)],
                "marker": _MARKERS[hue(number)],
            }
            axes.plot(places, [v.value for v in values], **style, linewidth=1.8, markersize=4.5)
            _runs(axes, [run for run in runs if run.arm == mean.arm], x, colour)
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]), top=min(1.0, axes.get_ylim()[1]))
        axes.grid(axis="y")
        axes.set_xlabel("iteration" if x == "iteration" else "accepted examples so far")
        axes.set_ylabel("accuracy on selection")
    return text[0]


def _runs(axes: Any, runs: Sequence[Curve], x: str, colour: str) -> None:
    """A ring around the best iteration of each run; where there are several, each as a thin line."""
    for run in runs:
        if len(runs) > 1:
            axes.plot(
                [getattr(point, x) for point in run.points],
                [point.accuracy.value for point in run.points],
                color=colour,
                linewidth=0.7,
                alpha=0.6,
            )
        for point in run.points:
            if point.iteration == run.best:
                axes.plot(
                    [getattr(point, x)],
                    [point.accuracy.value],
                    "o",
                    markersize=12,
                    fillstyle="none",
                    color=colour,
                    markeredgewidth=1.4,
                )


def outcomes(found: Sequence[Outcome], arms: Sequence[str]) -> str:
    """A dot and an interval per arm and student on the sealed test."""
    with _canvas("outcomes", height=0.55 + 0.27 * len(found) + 0.12 * len(arms)) as (axes, text):
        ticks = []
        for row, outcome in enumerate(found):
            number = arms.index(outcome.arm)
            place = -row - 0.5 * number
            estimate, colour = outcome.accuracy, _HUE[hue(number)]
            axes.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=2)
            axes.plot([estimate.value], [place], _MARKERS[hue(number)], color=colour, markersize=6)
            ticks.append((place, f"{shorten(outcome.arm, 20)}, {outcome.student}"))
        axes.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.grid(axis="x")
        axes.set_xlabel("accuracy on the sealed test")
    return text[0]


def grid(found: Grid, name: str, most: float, *, percent: bool) -> str:
    """A heat map of skills by iterations, with numbers while there is room: accuracies or amounts, on the scale of all arms."""
    colour = _HUE[0 if percent else 2]
    skills, columns = found.skills[:_MOST_SKILLS], len(found.iterations)
    # Numbers in the ink of the page have to stay readable on the fullest colour.
    fullest = 0.55 if columns <= _MOST_NUMBERS else 0.95
    with _canvas(name, height=0.75 + 0.29 * max(1, len(skills))) as (axes, text):
        for row, values in enumerate(found.cells[:_MOST_SKILLS]):
            for column, value in enumerate(values):
                if value is None:
                    continue
                share = value / most if most else 0.0
                axes.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5),
                        1,
                        1,
                        facecolor=colour,
                        alpha=0.03 + (fullest - 0.03) * share,
                        linewidth=0,
                    )
                )
                if columns <= _MOST_NUMBERS:
                    words = f"{100 * value:.0f}" if percent else f"{value:.0f}"
                    axes.text(column, row, words, ha="center", va="center")
        axes.set_xlim(-0.5, columns - 0.5)
        axes.set_ylim(max(1, len(skills)) - 0.5, -0.5)
        step = 1 + columns // 16
        axes.set_xticks(
            range(0, columns, step), [str(number) for number in found.iterations[::step]]
        )
        axes.set_yticks(range(len(skills)), [shorten(clean(skill), 22) for skill in skills])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(
            "iteration (0: the base student)" if found.iterations[:1] == (0,) else "iteration"
        )
    return text[0]


def yields(found: Sequence[Yield], whats: Sequence[str], name: str, most: int) -> str:
    """Stacked bars per iteration: accepted, surplus, and what each check rejected, on the scale of all arms."""
    with _canvas(name, height=0.75 + 0.3 * len(found)) as (axes, text):
        for row, item in enumerate(found):
            left = 0
            counts = {"accepted": item.accepted, "surplus": item.surplus, **dict(item.rejected)}
            for number, what in enumerate(whats):
                count = counts.get(what, 0)
                style = (
                    {"color": _INK, "alpha": 0.22}
                    if what == "surplus"
                    else {"color": _HUE[fate_hue(number)]}
                )
                axes.barh(row, count, left=left, height=0.7, linewidth=0, **style)
                left += count
        axes.set_yticks(range(len(found)), [str(item.iteration) for item in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xlim(0, 1.03 * max(1, most))
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.set_ylabel("iteration")
        axes.set_xlabel("candidates")
    return text[0]
