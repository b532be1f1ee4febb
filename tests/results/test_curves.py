"""Learning curves of an arm over its runs."""

import pytest

from dataenvgym_spec.results.curves import Curve, CurvePoint, arm_curve
from dataenvgym_spec.results.evidence.statistics import Estimate, proportion


def run(seed: int, *right: int) -> Curve:
    """A run with so many right answers of 20 after each iteration."""
    points = []
    for iteration, count in enumerate(right):
        point = CurvePoint(
            iteration=iteration, examples=0.0, accuracy=proportion(count, 20), items=20
        )
        points.append(point)
    return Curve(arm="a", seed=seed, points=tuple(points), best=None)


def means(*runs: Curve) -> list[Estimate]:
    return [point.accuracy for point in arm_curve(runs).points]


def test_the_base_that_all_runs_share_has_its_interval_over_items() -> None:
    base, taught = means(run(0, 5, 10), run(1, 5, 14))
    assert base == proportion(5, 20)
    assert (taught.value, taught.covers) == (0.6, "seeds")


def test_a_base_whose_answers_each_run_draws_is_a_mean_over_runs() -> None:
    base, _ = means(run(0, 4, 10), run(1, 8, 14))
    assert (base.value, base.covers, base.count) == (pytest.approx(0.3), "seeds", 2)


def test_runs_that_agree_by_chance_have_a_band_over_items() -> None:
    _, taught = means(run(0, 5, 10), run(1, 5, 10), run(2, 5, 10))
    assert taught == proportion(10, 20) and taught.high - taught.low > 0.3


def test_answers_that_could_not_be_judged_are_counted_beside_the_accuracy() -> None:
    def counted(unparseable: int, truncated: int) -> Curve:
        point = CurvePoint(
            iteration=1,
            examples=5.0,
            accuracy=proportion(4, 20),
            items=20,
            unparseable=unparseable,
            truncated=truncated,
        )
        return Curve(arm="a", seed=0, points=(point,), best=None)

    (mean,) = arm_curve((counted(2, 6), counted(5, 0))).points
    assert (mean.unparseable, mean.truncated) == (3.5, 3)


def test_a_mean_goes_only_through_iterations_that_all_runs_have() -> None:
    """One that is further than the others would make the line jump to its own height."""
    (base, taught) = arm_curve((run(0, 5, 10, 20), run(1, 5, 14))).points
    assert (base.iteration, taught.iteration, taught.accuracy.value) == (0, 1, 0.6)
