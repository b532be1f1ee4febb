"""The points of a sweep, which share an experiment in MLflow."""

from __future__ import annotations

from typing import Any

import msgspec

from dataenvgym_spec.results.experiment import Results


class _Point(msgspec.Struct, frozen=True):
    """As much of an index as tells what a point varies: an index has thousands of stages."""

    settings: dict[str, dict[str, Any]]
    sweep: str | None = None


def home_of(results: Results) -> str:
    """What MLflow calls the experiment: as the sweep where it is a point of one."""
    return results.index.sweep or results.name


def point_of(results: Results) -> str | None:
    """What the sweep calls the experiment; None where it is none of its points."""
    sweep = results.index.sweep
    return results.name.removeprefix(f"{sweep}-") if sweep else None


def settings_of(results: Results) -> list[dict[str, Any]]:
    """The settings of each arm: of all points of its sweep, else of the experiment."""
    sweep = results.index.sweep
    if not sweep:
        return list(results.settings.values())
    settings: list[dict[str, Any]] = []
    for path in sorted(results.layout.experiments.glob(f"{sweep}-*.json")):
        try:
            point = msgspec.json.decode(path.read_bytes(), type=_Point)
        except (OSError, msgspec.MsgspecError):
            # Whoever reads that index says what is wrong with it.
            continue
        if point.sweep == sweep:
            settings += point.settings.values()
    return settings
