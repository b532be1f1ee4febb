"""Comparisons that stand ready in MLflow: saved views, which its page lists by name.

A view is a tag of the experiment: which runs, in which order, with which columns and charts. The
form is MLflow's own (its page writes it when somebody saves a view), and a test opens every one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.records.experiment import Index, Question
from dataenvgym_spec.results.noise import COPIED
from dataenvgym_spec.track.contrasts import contrast_key, title_of
from dataenvgym_spec.track.naming import flatten
from dataenvgym_spec.track.points import Point, narrowed
from dataenvgym_spec.track.summary import MEAN

Chart = dict[str, Any]

CURVES: Final = "learning-curves"
SCORES: Final = "sealed-test"
RUNS: Final = "all-runs"
ITERATIONS: Final = "iterations"
POINTS: Final = "points-of-the-sweep"
COSTS: Final = "learning-curves-by-cost"
MOST_COLUMNS: Final = 8
"""Params that stand as columns: the first that differ. All of them are in the column selector."""
MOST_CONTRASTS: Final = 6
"""Contrasts that the view of scores shows: the first that the spec declares, all in the report."""
LONGEST: Final = 5000
"""Characters of a view: a tag of an experiment, of which every server of MLflow 3 takes so many."""
FIT: Final = 100
"""Runs that MLflow's page loads: it says nothing of the others until somebody scrolls to the end of
the table, and draws a group as the mean of those that it has loaded."""

_BY: Final = {
    "examples": "Accuracy on selection, by examples taught",
    "tokens": "Accuracy on selection, by tokens spent",
}
"""What learning curves are drawn by besides iterations, and what the charts are called."""

FIRST: Final = "What to look at"
"""The section of charts that is open."""
DECLARED: Final = "Declared contrasts"
"""That of contrasts, which says how many of them it shows."""
FURTHER: Final = "more"
"""What MLflow knows the other open section by: short, for each of its charts names it."""
PER_ROW: Final = 2
"""Charts side by side: with three, titles are cut on a laptop."""
LONG: Final = 1
"""The same where metrics have long names, as which MLflow calls the charts of one metric."""
CLOSED: Final = (
    *("selection", "selection/skill", "spent", "teaching", "teaching/allocation"),
    *("train", "yield", "yield/after"),
)
"""Sections with all other metrics, as MLflow names them; closed until somebody opens one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A comparison.

    Attributes:
        name: what the list of saved views calls it.
        kind: of the runs that are compared.
        only: the tags of the runs that are compared, where all are too many.
        charts: in the section that is open.
        columns: of the table, besides the names of runs.
        group: the tags whose runs are drawn as one line, the mean with its range.
        closed: sections that are not open.
        per_row: charts side by side.
        further: another open section, by its name, with its charts.
    """

    name: str
    kind: str
    charts: Sequence[Chart]
    columns: Sequence[str]
    only: Mapping[str, str] = field(default_factory=dict)
    group: Sequence[str] = ()
    closed: Sequence[str] = CLOSED
    per_row: int = PER_ROW
    further: tuple[str, Sequence[Chart]] | None = None
    order: tuple[str, bool] = field(default=("attributes.`Created`", False))

    def tag(self) -> str:
        """It as MLflow keeps it."""
        sections, charts = [_section(FIRST, self.per_row, is_open=True)], [*self.charts]
        if self.further is not None:
            name, more = self.further
            sections.append({**_section(name, self.per_row, is_open=True), "uuid": FURTHER})
            charts += ({**chart, "metricSectionId": FURTHER} for chart in more)
        sections += [_section(name, PER_ROW, is_open=False) for name in self.closed]
        group = None
        if self.group:
            keys = [{"mode": "tag", "groupByData": name} for name in self.group]
            group = {"aggregateFunction": "average", "groupByKeys": keys}
        chosen = [("kind", self.kind), *self.only.items()]
        state = {
            "searchFilter": " and ".join(f"tags.{tag} = '{value}'" for tag, value in chosen),
            "orderByKey": self.order[0],
            "orderByAsc": self.order[1],
            "selectedColumns": list(self.columns),
            "runsHiddenMode": "SHOW_ALL",
            "compareRunCharts": [
                {"uuid": f"own-{number}", **chart} for number, chart in enumerate(charts)
            ],
            "compareRunSections": sections,
            # In the order given here, and not in that of their names.
            "isAccordionReordered": True,
            "groupBy": group,
        }
        # A view has no date of its own: with one, making it again would change it.
        return canonical(
            {"name": self.name, "createdAt": 0, "updatedAt": 0, "state": canonical(state)}
        )


def _section(name: str, columns: int, *, is_open: bool) -> dict[str, Any]:
    return {"uuid": name, "name": name, "display": is_open, "columns": columns}


def _line(metric: str, title: str) -> Chart:
    # Unsmoothed: what is left out here stands for a curve that is smoothed.
    plain = {"lineSmoothness": 0, "useGlobalLineSmoothing": True, "displayPoints": True}
    axes = {"xAxisKey": "step", "useGlobalXaxisKey": True, "scaleType": "linear"}
    return {**_chart("LINE", title), "metricKey": metric, **axes, **plain}


def _bar(metric: str, title: str) -> Chart:
    return {**_chart("BAR", title), "metricKey": metric}


def _parallel(params: Sequence[str], metrics: Sequence[str], title: str) -> Chart:
    chosen = {"selectedParams": list(params), "selectedMetrics": list(metrics)}
    return {**_chart("PARALLEL", title), **chosen, "showAllRuns": True}


def _chart(kind: str, title: str) -> Chart:
    shared = {"type": kind, "metricSectionId": FIRST, "runsCountToCompare": 100}
    return {**shared, "displayName": title, "deleted": False, "isGenerated": False}


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def views_of(index: Index, points: Mapping[str, Point]) -> tuple[tuple[str, str], ...]:
    """The saved views of an experiment, by their names in addresses.

    Args:
        index: what the compiler says of it.
        points: of the sweep that it belongs to, by name; else it alone.
    """
    varied = differing(one for point in points.values() for one in point.settings.values())
    columns = [_column("params", name) for name in varied[:MOST_COLUMNS]]
    lines = ("point", "arm") if index.sweep else ("arm",)
    # A run by itself is drawn in the colour of its arm, which a group is not.
    several = len(index.seeds) > 1
    runs = narrowed(points, "run", FIT)
    summaries = narrowed(points, "summary", FIT)
    curves = _curves(columns, lines, grouped=several)
    if runs:
        # The mean of those seeds that have been loaded would be another than that of all.
        curves = _means(columns, lines, summaries)
    if index.sweep:
        views = {POINTS: _points(varied, columns), CURVES: curves}
    else:
        views = {CURVES: curves, SCORES: _scores(index)}
    iterations = narrowed(points, "iteration", FIT)
    views |= {RUNS: _runs(columns, runs), ITERATIONS: _iterations(iterations)}
    if several:
        views[COSTS] = _costs(columns, summaries)
    return tuple((name, view.tag()) for name, view in views.items())


def differing(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The params that are not the same in all settings.

    >>> differing([{"rate": 1, "seed": 0}, {"rate": 2, "seed": 0}])
    ['rate']
    """
    params = [dict(flatten(one)) for one in settings]
    names = sorted({name for one in params for name in one})
    return [name for name in names if len({one.get(name) for one in params}) > 1]


def _curves(columns: Sequence[str], lines: Sequence[str], *, grouped: bool) -> View:
    """How the students of arms learn, the mean of the seeds with their range."""
    charts = [_line("selection/accuracy", "Accuracy on selection, by iteration")]
    if not grouped:
        charts += [_line(f"selection/accuracy_by_{axis}", _BY[axis]) for axis in _BY]
    charts.append(_line("teaching/accepted_share", "Share of generated examples that is accepted"))
    shown = [_column("metrics", name) for name in ("selection/accuracy", "spent/examples")]
    return View(
        name=f"1 Learning curves, by {' and '.join(lines)}",
        kind="run",
        charts=charts,
        columns=[*columns, *shown],
        group=lines if grouped else (),
    )


def _means(columns: Sequence[str], lines: Sequence[str], only: Mapping[str, str]) -> View:
    """How the students of arms learn, of more runs than MLflow's page loads: means of the seeds."""
    return View(
        name=f"1 Learning curves{_of(only)}, by {' and '.join(lines)}",
        kind="summary",
        only=only,
        charts=[_line(MEAN, "Accuracy on selection, by iteration, mean of the seeds")],
        columns=[*columns, _column("metrics", MEAN)],
    )


def _of(only: Mapping[str, str]) -> str:
    """Which runs are compared, where not all are.

    >>> _of({}), _of({"seed": "0", "point": "low"})
    ('', ' of seed 0, point low')
    """
    return " of " + ", ".join(f"{tag} {value}" for tag, value in only.items()) if only else ""


def _costs(columns: Sequence[str], only: Mapping[str, str]) -> View:
    """How the students of arms learn by what that took, the mean of the seeds.

    MLflow draws a group of runs as their mean at each step, and hardly two of them ever took
    equally many tokens: what it drew of them would be one run here and another one there.
    """
    charts = [_line(MEAN, "Accuracy on selection, by iteration")]
    charts += [_line(f"{MEAN}_by_{axis}", _BY[axis]) for axis in _BY]
    return View(
        name=f"5 Learning curves{_of(only)} by examples and tokens, means of the seeds",
        kind="summary",
        only=only,
        charts=charts,
        columns=[*columns, _column("metrics", MEAN)],
        per_row=LONG,
    )


def _scores(index: Index) -> View:
    """What the arms' students scored on the sealed test, and as many contrasts as there is room."""
    shown = min(MOST_CONTRASTS, len(index.contrasts))
    while shown and len(_with_contrasts(index, shown).tag()) > LONGEST:
        shown -= 1
    return _with_contrasts(index, shown)


def _with_contrasts(index: Index, shown: int) -> View:
    """The view with the first contrasts that the spec declares; it says if there are others."""
    names = {"best": "Best student", "last": "Last student", "base": "Base student"}
    charts = []
    for name, title in names.items():
        charts.append(_bar(f"test/{name}", f"{title} on the sealed test, mean of the seeds"))
    spread = ("_low", "_high") if len(index.seeds) == 1 else ("_low", "_high", "_deviation")
    keys = ["test/base", "test/best", *(f"test/best{end}" for end in spread), "test/last"]
    # Contrasts of several arms with the same student are one metric, a bar for each of the arms.
    by_key: dict[str, list[Question]] = {}
    for question in index.contrasts[:shown]:
        by_key.setdefault(contrast_key(question), []).append(question)
    contrasts = []
    for key, questions in by_key.items():
        contrasts.append(_bar(key, title_of(questions)))
        keys += [key, f"{key}_low", f"{key}_high"]
        # Evaluations alone that were done again are no floor of students that were taught.
        if index.noise is not None and index.noise.retrain and questions[0].split in COPIED:
            keys.append(f"{key}_noise_floor")
    declared = len(index.contrasts)
    left = f": {shown} of {declared}, all in the report" if shown < declared else ""
    return View(
        name=f"2 Scores on the sealed test, by arm{_left(shown, declared)}",
        kind="summary",
        charts=charts,
        columns=[_column("metrics", key) for key in keys],
        per_row=LONG,
        further=(f"{DECLARED}{left}", contrasts) if contrasts else None,
    )


def _left(shown: int, declared: int) -> str:
    """How many contrasts a view shows, where that is not all.

    >>> _left(5, 5), _left(6, 9)
    ('', ' (6 of 9 contrasts)')
    """
    return f" ({shown} of {declared} contrasts)" if shown < declared else ""


def _points(varied: Sequence[str], columns: Sequence[str]) -> View:
    """What the points of a sweep reached on selection: by it, and not by the test, one chooses."""
    title = "From what the points vary to the last accuracy on selection"
    charts = (
        _parallel(varied[:MOST_COLUMNS], [MEAN], title),
        _bar(MEAN, "Last accuracy on selection, mean of the seeds"),
    )
    return View(
        name="0 Points of the sweep",
        kind="summary",
        charts=charts,
        columns=[*columns, _column("metrics", MEAN)],
        order=(_column("metrics", MEAN), False),
    )


def _runs(columns: Sequence[str], only: Mapping[str, str]) -> View:
    """Every run with what it reached and took."""
    charts = (
        _line("selection/accuracy", "Accuracy on selection, by iteration"),
        _bar("spent/examples", "Examples that teaching took"),
        _bar("spent/seconds", "Seconds of work for teaching"),
    )
    shown = ("selection/accuracy", "spent/examples", "spent/tokens", "spent/seconds")
    tags = [_column("tags", name) for name in ("arm", "seed")]
    return View(
        name=f"3 Every run{_of(only)}, by {'arm' if 'seed' in only else 'arm and seed'}",
        kind="run",
        only=only,
        charts=charts,
        columns=[*tags, *columns, *(_column("metrics", name) for name in shown)],
    )


def _iterations(only: Mapping[str, str]) -> View:
    """Every iteration of every run, in order: what was taught, and what the student then knew."""
    charts = (
        _line("train/loss", "Loss, by step of the training"),
        _bar("teaching/accepted", "Accepted examples"),
    )
    shown = ("selection/accuracy", "teaching/generated", "teaching/accepted", "spent/examples")
    return View(
        name=f"4 Iterations{_of(only)}, with what each was taught",
        kind="iteration",
        only=only,
        charts=charts,
        columns=[_column("metrics", name) for name in shown],
        # As the page itself writes it: what it does not know it calls "undefined".
        order=(_column("tags", "mlflow.runName"), True),
    )
