"""The points of a sweep, which share an experiment in MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from dataenvgym_spec.results.experiment import Results

Kind = Literal["run", "iteration", "summary"]

ORDER: Final[Mapping[Kind, tuple[str, ...]]] = {
    "run": ("seed", "point", "arm"),
    "iteration": ("seed", "point", "arm"),
    "summary": ("arm",),
}
"""By which tags runs become fewer: of arms and points one wants to see all."""


class Point(msgspec.Struct, frozen=True):
    """As much of an index as tells what a point varies: an index has thousands of stages.

    Attributes:
        settings: of each arm.
        seeds: of its runs.
        iterations: by arm.
        sweep: that it is a point of; None for an experiment by itself.
    """

    settings: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]
    iterations: Mapping[str, int]
    sweep: str | None = None

    def __post_init__(self) -> None:
        if self.settings.keys() != self.iterations.keys():
            raise ValueError("'settings' and 'iterations' are not of the same arms")


def home_of(results: Results) -> str:
    """What MLflow calls the experiment: as the sweep where it is a point of one."""
    return results.index.sweep or results.name


def point_of(results: Results) -> str | None:
    """What the sweep calls the experiment; None where it is none of its points."""
    sweep = results.index.sweep
    return results.name.removeprefix(f"{sweep}-") if sweep else None


def points_of(results: Results) -> dict[str, Point]:
    """All points of the experiment's sweep by their names; else it alone, without a name."""
    index = results.index
    if not index.sweep:
        own = Point(settings=index.settings, seeds=index.seeds, iterations=index.iterations)
        return {"": own}
    points = {}
    for path in sorted(results.layout.experiments.glob(f"{index.sweep}-*.json")):
        try:
            point = msgspec.json.decode(path.read_bytes(), type=Point)
        except (OSError, msgspec.MsgspecError):
            # Whoever reads that index says what is wrong with it.
            continue
        if point.sweep == index.sweep:
            points[path.stem.removeprefix(f"{index.sweep}-")] = point
    return points


def narrowed(points: Mapping[str, Point], kind: Kind, most: int) -> dict[str, str]:
    """The tags of as many runs as can be compared; empty where all can.

    Args:
        points: of a sweep, by name, or an experiment alone.
        kind: of the runs.
        most: that can be compared.

    >>> arms = {"with-state": {}, "no-state": {}}
    >>> point = Point(settings=arms, seeds=(0, 1), iterations=dict.fromkeys(arms, 30))
    >>> narrowed({"": point}, "run", 100), narrowed({"": point}, "iteration", 100)
    ({}, {'seed': '0'})
    """
    runs = list(_runs(points, kind))
    chosen: dict[str, str] = {}
    for tag in ORDER[kind]:
        if sum(count for _, count in runs) <= most:
            break
        first = runs[0][0][tag]
        if any(tags[tag] != first for tags, _ in runs):
            chosen[tag] = first
            runs = [(tags, count) for tags, count in runs if tags[tag] == first]
    return chosen


def _runs(points: Mapping[str, Point], kind: Kind) -> Iterator[tuple[dict[str, str], int]]:
    """The tags of runs, and how many have them."""
    for name, point in points.items():
        seeds = point.seeds[:1] if kind == "summary" else point.seeds
        for arm in point.settings:
            count = point.iterations[arm] if kind == "iteration" else 1
            for seed in seeds:
                yield {"point": name, "arm": arm, "seed": str(seed)}, count
