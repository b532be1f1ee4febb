"""The sentences of the report. They say what was measured and how sure it is, in the same words whatever came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dataenvgym_spec.report.text import count, p_value, point_interval, points
from dataenvgym_spec.results.curves import Curve
from dataenvgym_spec.results.evidence.scores import Contrast, Gain
from dataenvgym_spec.results.evidence.statistics import Estimate

ONE_RUN: Final = (
    "There is one run per arm: the intervals cover the choice of items and not the run-to-run variance. "
    "They do not say what another run of the same arms would give."
)


def coverage(seeds: Sequence[int]) -> str:
    """What the intervals of this experiment cover."""
    if len(seeds) == 1:
        return ONE_RUN
    return (
        f"There are {len(seeds)} runs per arm (run seeds {', '.join(str(seed) for seed in seeds)}). Intervals of means and of differences are t intervals "
        "over runs: they cover the run-to-run variance on these items and not the choice of items. The base student is one for all runs; "
        "its interval, and those of single runs, cover the items."
    )


def stops(curves: Sequence[Curve]) -> str:
    """Which runs stopped early, and what that means; empty if none did."""
    stopped = [curve for curve in curves if curve.stopped is not None]
    if not stopped:
        return ""
    many = len({curve.seed for curve in curves}) > 1
    found = "; ".join(
        f"{curve.arm}{f', run seed {curve.seed},' if many else ''} after iteration {curve.stopped}"
        for curve in stopped
    )
    mean = " A mean over runs keeps a stopped run's last student." if many else ""
    return f"Stopped on selection: {found}. Selection scores decided when teaching ended there, and curves end with it.{mean}"


def difference(contrast: Contrast) -> str:
    """A contrast in a sentence."""
    what = f"{contrast.student} of {contrast.arm} less {contrast.student} of {contrast.against}"
    return f"{what}: {points(contrast.difference.value)} points (95% interval {point_interval(contrast.difference)}). {evidence(contrast)}"


def evidence(contrast: Contrast) -> str:
    """What a contrast rests on."""
    if len(contrast.runs) > 1:
        return f"Mean over {len(contrast.runs)} runs on {count(contrast.items)} sealed test items; the interval is over runs."
    ((_, pair),) = contrast.runs
    alone = f"{contrast.arm} alone has {count(pair.gained)} right, {contrast.against} alone {count(pair.lost)}"
    return f"Of {count(contrast.items)} sealed test items, {alone} (exact McNemar {p_value(pair.p)}); the interval is over items."


def reading(estimate: Estimate) -> str:
    """What an interval of a difference says, without taking sides."""
    over = "items" if estimate.covers == "items" else "runs"
    if estimate.covers == "seeds" and estimate.high - estimate.low < 1e-9:
        return "All runs gave the same difference, so there is no variance between them to make an interval of."
    if estimate.low <= 0 <= estimate.high:
        return f"The interval includes zero: these {over} do not tell the two apart."
    return f"The interval leaves out zero: these {over} point to a difference of this sign."


def flips(gain: Gain) -> str:
    """What changed between the base and the best student of a run."""
    pair = gain.paired
    return f"{points(pair.difference.value)} points ({point_interval(pair.difference)}), exact McNemar {p_value(pair.p)}"
