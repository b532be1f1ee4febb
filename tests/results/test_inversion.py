"""Intervals that invert a score test: against published values, and by how often they cover the truth."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import multinomial

from dataenvgym_spec.records.skills import Z
from dataenvgym_spec.results.evidence.inversion import (
    Clustered,
    difference_interval,
    difference_statistic,
    share_interval,
)
from dataenvgym_spec.results.evidence.statistics import clustered_proportion, paired, proportion


def alone(gained: int, lost: int, items: int) -> Clustered:
    return Clustered.of((str(n), (n < gained) - (n >= items - lost)) for n in range(items))


def test_tangos_interval_of_published_pairs() -> None:
    """Airway responsiveness of 21 children before and after a transplantation (Bentur et al. 2009):
    1 and 7 discordant pairs, as worked out by Fagerland, Lydersen and Laake (2014)."""
    low, high = difference_interval(alone(1, 7, 21))
    assert (low, high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize(("items", "most"), [(20, 0.98), (60, 0.96)])
def test_a_difference_is_covered_as_often_as_it_says(items: int, most: float) -> None:
    """Without clusters the coverage is a sum over all tables, so there is no error of simulation."""
    tables = [pair for pair in product(range(items + 1), repeat=2) if sum(pair) <= items]
    ends = np.array([difference_interval(alone(gained, lost, items)) for gained, lost in tables])
    counts = np.array([(*pair, items - sum(pair)) for pair in tables])
    coverages = []
    for discordant, share in product((0.05, 0.1, 0.2, 0.4, 0.7), (0.5, 0.65, 0.8, 0.95)):
        gained, lost = discordant * share, discordant * (1 - share)
        chances = multinomial.pmf(counts, items, [gained, lost, 1 - discordant])
        inside = (ends[:, 0] <= gained - lost) & (gained - lost <= ends[:, 1])
        coverages.append(chances[inside].sum())
    assert min(coverages) > 0.93
    assert 0.95 < np.mean(coverages) < most


def draws(clusters, size, chances, likeness, times, seed):
    """Signs of clustered items: each repeats its cluster's own draw with a chance that makes two items alike."""
    rng = np.random.default_rng(seed)
    common = rng.choice(3, p=chances, size=(times, clusters, 1))
    own = rng.choice(3, p=chances, size=(times, clusters, size))
    repeats = rng.random((times, clusters, size)) < math.sqrt(likeness)
    return np.array([1, -1, 0])[np.where(repeats, common, own)]


def sums_of(signs: np.ndarray) -> Clustered:
    return Clustered.of(
        (str(cluster), int(sign)) for cluster, row in enumerate(signs) for sign in row
    )


TIMES = 1500
ERROR = 3 * math.sqrt(0.95 * 0.05 / TIMES)
"""Three standard errors of a coverage that is simulated: 1.7 points."""


@pytest.mark.parametrize(
    ("clusters", "size", "discordant", "share", "likeness"),
    [
        (20, 5, 0.2, 0.5, 0.4),
        (20, 5, 0.3, 0.8, 0.9),
        (40, 5, 0.1, 0.7, 0.0),
        (12, 8, 0.4, 0.65, 0.3),
    ],
)
def test_a_difference_by_cluster_is_covered_as_often_as_it_says(
    clusters, size, discordant, share, likeness
) -> None:
    chances = [discordant * share, discordant * (1 - share), 1 - discordant]
    truth = chances[0] - chances[1]
    samples = draws(clusters, size, chances, likeness, TIMES, seed=clusters)
    together = [sums_of(signs) for signs in samples]
    covered = [difference_statistic(sums, truth) <= Z * Z for sums in together]
    # Its own error is a point more: with few clusters it is on the safe side.
    assert 0.94 - ERROR < np.mean(covered) < 0.98 + ERROR
    ends = [difference_interval(sums) for sums in together[:200]]
    assert [low <= truth <= high for low, high in ends] == covered[:200]
    if likeness > 0.5:
        lone = [sums_of(signs.reshape(-1, 1)) for signs in samples]
        ignoring = [difference_statistic(sums, truth) <= Z * Z for sums in lone]
        assert np.mean(ignoring) < 0.75, "to ignore clusters is to be too sure"


def test_a_share_by_cluster_is_covered_as_often_as_it_says() -> None:
    for share, likeness in product((0.5, 0.85), (0.0, 0.5)):
        signs = draws(30, 4, [share, 0, 1 - share], likeness, TIMES, seed=7)
        covered = []
        for row in signs[: TIMES // 3]:
            low, high = share_interval(sums_of(row))
            covered.append(low <= share <= high)
        assert abs(np.mean(covered) - 0.95) < 0.015 + math.sqrt(3) * ERROR


def test_many_clusters_give_what_resampling_them_gives() -> None:
    """The percentile bootstrap over clusters: it needs many, and then the two agree."""
    (signs,) = draws(400, 5, [0.2, 0.1, 0.7], 0.4, 1, seed=3)
    picks = np.random.default_rng(0).integers(400, size=(4000, 400))
    means = signs.mean(axis=1)[picks].mean(axis=1)
    resampled = np.quantile(means, [0.025, 0.975])
    assert difference_interval(sums_of(signs)) == pytest.approx(resampled, abs=0.004)


def test_an_interval_by_cluster_says_of_zero_what_its_test_says() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        sizes = rng.integers(1, 7, size=rng.integers(2, 12))
        chances = rng.dirichlet([0.5, 0.5, 1.0])
        clusters = {}
        first, second = {}, {}
        for cluster, size in enumerate(sizes):
            draw = rng.choice(3, p=chances, size=size if rng.random() < 0.5 else 1)
            for number in range(size):
                item = f"{cluster}-{number}"
                clusters[item] = str(cluster)
                sign = draw[number % len(draw)]
                first[item], second[item] = bool(sign == 0), bool(sign == 1)
        found = paired(first, second, clusters)
        difference = found.difference
        assert (found.p < 0.05) == (difference.low > 0 or difference.high < 0)
        assert difference.low <= difference.value <= difference.high
        assert found.items == sum(sizes)
        assert difference.count == (len(sizes) if max(sizes) > 1 else found.items)


def test_whole_clusters_count_once() -> None:
    """Ten clusters whose four items are always alike tell as much as ten items."""
    marks = [(str(n // 4), n < 24) for n in range(40)]
    together = clustered_proportion(marks)
    ten = proportion(6, 10)
    assert (together.low, together.high) == pytest.approx((ten.low, ten.high), abs=1e-6)
    assert (together.covers, together.count, together.value) == ("clusters", 10, 0.6)
    lone = clustered_proportion((str(n), n < 24) for n in range(40))
    assert lone == proportion(24, 40)
    for right, least in ((0, 0.0), (40, 1.0)):
        edge = clustered_proportion((str(n // 4), n < right) for n in range(40))
        assert edge.low < edge.high
        assert least in (edge.low, edge.high)


def test_clusters_that_cancel_out_are_no_sign_of_precision() -> None:
    pairs = [(str(n // 2), 1 if n % 2 else -1) for n in range(40)]
    lone = [(str(n), 1 if n % 2 else -1) for n in range(40)]
    assert difference_interval(Clustered.of(pairs)) == difference_interval(Clustered.of(lone))


@pytest.mark.parametrize("seed", range(4))
def test_an_interval_by_cluster_is_that_of_clusters_that_are_drawn_again(seed: int) -> None:
    """Against a bootstrap of whole clusters of unequal sizes: as wide or a little wider, as small samples ask for.

    Without the clusters it would be a quarter too narrow.
    """
    rng, clusters = np.random.default_rng(seed), 60
    sizes = rng.choice([1, 2, 4, 8], clusters)
    signs: list[tuple[str, int]] = []
    for cluster, size in enumerate(sizes):
        better = 1 / (1 + math.exp(-rng.normal(0.3, 3)))
        own = np.where(rng.random(size) < better, 1, -1) * (rng.random(size) < 0.3)
        signs += [(str(cluster), int(sign)) for sign in own]
    low, high = difference_interval(Clustered.of(signs))
    totals = np.bincount([int(cluster) for cluster, _ in signs], [sign for _, sign in signs])
    drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), 4000)
    ends = np.quantile((drawn @ totals) / (drawn @ sizes), [0.025, 0.975])
    width = ends[1] - ends[0]
    assert 1 < (high - low) / width < 1.15
    assert abs((low + high - ends.sum()) / 2) < 0.05 * width
    loose = difference_interval(Clustered.of((str(n), sign) for n, (_, sign) in enumerate(signs)))
    assert (loose[1] - loose[0]) / width < 0.85
