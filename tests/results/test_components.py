"""The decomposition of paired differences over items and runs: against its model, and at its edges."""

from __future__ import annotations

import random
from statistics import fmean

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from dataenvgym_spec.results.evidence.components import Crossed, crossed


def table(
    rng: random.Random, items: int, runs: int, *, of_items: float, of_runs: float, rest: float
) -> list[dict[str, float]]:
    """Differences by the model: what an item does, what a run does, and a rest."""
    every = [rng.gauss(0, of_items) for _ in range(items)]
    tables = []
    for _ in range(runs):
        own = rng.gauss(0, of_runs)
        tables.append({str(item): every[item] + own + rng.gauss(0, rest) for item in range(items)})
    return tables


def decomposed(*tables: dict[str, float], **clusters: str) -> Crossed:
    """The decomposition, which there is."""
    found = crossed(tables, clusters)
    assert found is not None
    return found


def test_the_components_are_those_of_the_model() -> None:
    """Unbiased: the mean of many estimates is what the tables were drawn from."""
    rng, found = random.Random(1), []
    for _ in range(300):
        found.append(decomposed(*table(rng, 30, 4, of_items=0.2, of_runs=0.1, rest=0.3)))
    runs = fmean((one.by_run - one.rest) / one.units for one in found)
    items = fmean((one.by_unit - one.rest) / one.runs for one in found)
    assert fmean(one.rest for one in found) == pytest.approx(0.09, rel=0.03)
    assert items == pytest.approx(0.04, rel=0.1)
    assert runs == pytest.approx(0.01, rel=0.2)
    parts = fmean(one.over_runs + one.over_units for one in found)
    assert parts == pytest.approx(0.01 / 4 + 0.04 / 30 + 0.09 / 120, rel=0.1)


def test_where_items_do_nothing_it_is_the_t_test_over_runs() -> None:
    """Items without an effect of their own: mean squares of items below the rest."""
    tables = [{"a": 0.3, "b": 0.1}, {"a": 0.1, "b": 0.3}, {"a": 0.35, "b": 0.25}]
    found = decomposed(*tables)
    assert found.by_unit < found.rest and found.unit_variance == 0
    means = [fmean(one.values()) for one in tables]
    expected = ttest_1samp(means, 0.0)
    low, high = expected.confidence_interval(0.95)
    assert found.over_rest * 12.7**2 > found.over_runs * 4.3**2, "two items hardly tell the rest"
    wide = decomposed(
        *({**one, **{f"{n}{k}": v for n, v in one.items() for k in range(40)}} for one in tables)
    )
    assert wide.interval(0.05) == pytest.approx((low, high), abs=1e-9)
    assert wide.p == pytest.approx(expected.pvalue, rel=1e-6)


def test_the_interval_is_never_narrower_than_that_over_runs_or_over_items() -> None:
    rng = random.Random(2)
    for _ in range(100):
        tables = table(rng, 25, rng.randint(2, 5), of_items=0.2, of_runs=rng.random() / 5, rest=0.3)
        found = decomposed(*tables)
        low, high = found.interval(0.05)
        over = ttest_1samp([fmean(one.values()) for one in tables], 0.0)
        least, most = over.confidence_interval(0.95)
        assert low <= max(-1.0, least) + 1e-9 and high >= min(1.0, most) - 1e-9
        assert (low <= 0 <= high) is (found.p >= 0.05)


def test_clusters_are_what_is_drawn_again() -> None:
    rng = random.Random(3)
    alone = table(rng, 20, 3, of_items=0.3, of_runs=0.02, rest=0.1)
    copies = [{f"{item}-{n}": v for item, v in one.items() for n in range(5)} for one in alone]
    clusters = {f"{item}-{n}": str(item) for item in range(20) for n in range(5)}
    one, many = decomposed(*alone), decomposed(*copies, **clusters)
    assert (many.units, many.p) == (20, pytest.approx(one.p))
    assert many.interval(0.05) == pytest.approx(one.interval(0.05))
    loose = decomposed(*copies)
    assert loose.half(0.05) < many.half(0.05), "copies of items are no new items"


def test_unequal_clusters_weigh_by_their_items() -> None:
    tables = [{"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 1.0, "b": 0.0, "c": 0.0}]
    found = decomposed(*tables, a="x", b="x")
    assert found.mean == pytest.approx(0.5) and found.units == 2


def test_runs_that_are_copies_are_known() -> None:
    same = {"a": 1.0, "b": 0.0, "c": -1.0}
    assert decomposed(same, same).copies
    other = {"a": 0.0, "b": 0.0, "c": 0.0}
    found = decomposed(same, other)
    assert found.by_run == 0 and not found.copies
    assert found.half(0.05) > 0, "equal sums over runs are no precision"
    assert found.p == 1.0


def test_what_cannot_be_crossed() -> None:
    assert crossed([{"a": 1.0, "b": 0.0}], {}) is None, "one run"
    assert crossed([{"a": 1.0, "b": 0.0}] * 2, {"a": "x", "b": "x"}) is None, "one cluster"
    found = crossed([{"a": 1.0, "b": 0.0, "c": 1.0}, {"b": 0.0, "c": 1.0}], {})
    assert found is not None and found.units == 2, "only items that all runs have"


@pytest.mark.parametrize("runs", [3, 8])
def test_it_stands_for_clusters_and_runs_that_are_drawn_again(runs: int) -> None:
    """Against bootstraps of whole clusters of unequal sizes, and of clusters and runs both (Owen 2007, Annals of Applied
    Statistics 1, 386-411)."""
    rng, clusters, times = np.random.default_rng(runs), 80, 4000
    sizes = rng.choice([1, 2, 4, 8], clusters)
    of_cluster = np.repeat(np.arange(clusters), sizes)
    shared = rng.normal(0, 0.2, clusters)[of_cluster] + 0.05
    values = shared + rng.normal(0, 0.03, (runs, 1)) + rng.normal(0, 0.3, (runs, sizes.sum()))
    tables = [{str(item): value for item, value in enumerate(run)} for run in values.tolist()]
    found = decomposed(*tables, **{str(n): f"c{own}" for n, own in enumerate(of_cluster)})
    totals = np.array([np.bincount(of_cluster, run) for run in values])
    drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), times)
    means = (drawn @ totals.T) / (drawn @ sizes)[:, None]
    assert np.var(means.mean(axis=1)) == pytest.approx(found.over_units + found.over_rest, rel=0.15)
    again = rng.multinomial(runs, np.full(runs, 1 / runs), times)
    low, high = np.quantile((means * again).sum(axis=1) / runs, [0.025, 0.975])
    # A bootstrap of few runs is too narrow: a quantile of t is what few runs ask for.
    assert high - low < 2 * found.half(0.05)
    assert np.mean([low, high]) == pytest.approx(found.mean, abs=0.2 * found.half(0.05))
