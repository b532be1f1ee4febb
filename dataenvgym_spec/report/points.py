"""The points of learning curves for programs: `curves.csv`, and a file a curve for DVC's plots."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, Literal

from dataenvgym_spec.report.metrics import estimated, record
from dataenvgym_spec.results.curves import Curve
from dataenvgym_spec.results.study import Study
from dataenvgym_spec.store.layout import curve_file

Row = dict[str, Any]
Cost = Literal["tokens", "usd", "gpu_minutes"]

_COLUMNS: Final = (
    *("arm", "seed", "iteration", "examples", "split"),
    *("accuracy", "ci_low", "ci_high", "items", "unparseable", "truncated"),
    *("tokens", "gpu_minutes", "usd"),
)


def costs(study: Study) -> tuple[Cost, ...]:
    """What of the costs of teaching is known along curves: what is not nothing throughout."""
    points = [point for curve in study.mean_curves for point in curve.points]
    names: tuple[Cost, ...] = ("tokens", "usd", "gpu_minutes")
    return tuple(name for name in names if any(getattr(point, name) for point in points))


def curves_csv(study: Study) -> str:
    """The text of `curves.csv`: every point of every run, and the sealed students as `test`.

    `tokens`, `gpu_minutes` and `usd` are what teaching took up to a point: empty where that is not
    complete or nothing throughout (without a table of prices nobody knows what it cost, and not
    every log counts tokens), and for sealed students, whose iteration has a row of its own.
    """
    known = costs(study)
    rows = [row for curve in study.curves for row in _points(curve, known)]
    return _csv([*rows, *_sealed(study)])


def curve_files(study: Study) -> dict[str, str]:
    """The texts of the curves that DVC plots, by path: one a split, arm and seed.

    The sealed test has points only where a student was sealed; a stopped run has fewer points.
    """
    sealed: dict[tuple[str, int | None], list[Row]] = {}
    for row in _sealed(study):
        sealed.setdefault((row["arm"], row["seed"]), []).append(row)
    texts = {}
    known = costs(study)
    for curve in study.curves:
        of_split = {
            "selection": _points(curve, known),
            "test": sealed.get((curve.arm, curve.seed), []),
        }
        for split, rows in of_split.items():
            ordered = sorted(rows, key=itemgetter("iteration"))
            path = curve_file(study.name, split, curve.arm, curve.seed or 0)
            texts[path] = _csv(ordered)
    return texts


def _points(curve: Curve, known: Sequence[Cost]) -> list[Row]:
    rows = []
    for point in curve.points:
        row: Row = {
            "arm": curve.arm,
            "seed": curve.seed,
            "iteration": point.iteration,
            "examples": point.examples,
            "split": "selection",
            **estimated("accuracy", point.accuracy),
            "items": point.items,
            "unparseable": point.unparseable,
            "truncated": point.truncated,
            **{name: _rounded(getattr(point, name)) for name in known},
        }
        rows.append(row)
    return rows


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _sealed(study: Study) -> Iterable[Row]:
    """Each sealed student once: best and last can be the same."""
    rows: dict[tuple[str, int | None, int | None], Row] = {}
    for outcome in study.outcomes:
        place = (outcome.arm, outcome.seed, outcome.iteration)
        rows.setdefault(place, record(outcome))
    return rows.values()


def _csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
