"""Intervals and tests against values computed by hand and at their edges."""

import math
from dataclasses import replace

import pytest
from scipy.stats import binomtest, chi2

from dataenvgym_spec.results.evidence.statistics import (
    clustered_proportion,
    mean_over_runs,
    over_seeds,
    paired,
    proportion,
)


def wilson(right, items, z=1.959963984540054):
    """Wilson (1927), written out."""
    share = right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = (
        z
        / (1 + z * z / items)
        * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    )
    return max(0.0, middle - half), min(1.0, middle + half)


@pytest.mark.parametrize(
    ("right", "items"), [(0, 10), (10, 10), (1, 1), (0, 1), (37, 100), (4999, 5000)]
)
def test_wilson(right, items):
    found = proportion(right, items)
    assert (found.low, found.high) == pytest.approx(wilson(right, items), abs=1e-9)
    test = binomtest(right, items).proportion_ci(method="wilson")
    assert (found.low, found.high) == (test.low, test.high), "the form is that of scipy"
    assert found.value == right / items
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high > found.low, "an interval has a width at 0 and at 1 too"
    assert (found.covers, found.count) == ("items", items)


def test_no_items():
    with pytest.raises(ValueError, match="no items"):
        proportion(0, 0)


def answers(*right):
    return {f"item{number}": bool(mark) for number, mark in enumerate(right)}


def test_paired_counts_and_signs():
    first, second = answers(1, 1, 1, 0, 0, 1), answers(1, 0, 0, 1, 0, 1)
    found = paired(first, second)
    assert (found.gained, found.lost) == (2, 1)
    assert found.difference.value == pytest.approx(1 / 6)
    assert found.p == pytest.approx(chi2.sf(1 / 3, 1))
    other = paired(second, first)
    assert other.difference.value == -found.difference.value
    assert (other.gained, other.lost) == (1, 2)


def test_paired_is_by_item_and_not_by_position():
    first = {"a": True, "b": False, "c": True}
    assert paired(first, dict(reversed(first.items()))).difference.value == 0
    only_common = paired({**first, "x": True}, {**first, "y": False})
    assert only_common.difference.count == 3


def test_paired_interval_is_that_of_a_paired_mean():
    first, second = (
        answers(*[1] * 60, *[0] * 140),
        answers(*[1] * 40, *[0] * 20, *[1] * 5, *[0] * 135),
    )
    found = paired(first, second).difference
    signs = [1] * 20 + [-1] * 5 + [0] * 175
    mean = sum(signs) / 200
    half = 1.96 * math.sqrt(sum((sign - mean) ** 2 for sign in signs) / 199 / 200)
    assert found.value == pytest.approx(0.075)
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half), abs=0.008)
    assert paired(first, second) == paired(first, second)


def test_pairing_is_tighter_than_two_proportions():
    same = [number % 2 for number in range(200)]
    found = paired(answers(*same), answers(1 - same[0], *same[1:])).difference
    assert found.high - found.low < 0.05


def test_identical_students_have_an_interval_with_a_width():
    same = answers(*[1, 0] * 50)
    found = paired(same, same)
    assert (found.difference.value, found.gained, found.lost, found.p) == (0, 0, 0, 1.0)
    bound = proportion(0, 100).high
    assert (found.difference.low, found.difference.high) == pytest.approx((-bound, bound))


@pytest.mark.parametrize("sign", [1, -1])
def test_opposite_students(sign):
    right, wrong = answers(*[1] * 20), answers(*[0] * 20)
    found = paired(right, wrong) if sign == 1 else paired(wrong, right)
    assert found.difference.value == sign
    assert found.p == pytest.approx(chi2.sf(20, 1))
    near = 1 - 2 * proportion(0, 20).high
    ends = (near, 1.0) if sign == 1 else (-1.0, -near)
    assert (found.difference.low, found.difference.high) == pytest.approx(ends)


def test_one_item():
    found = paired(answers(1), answers(0)).difference
    assert -1 <= found.low < found.high <= 1


def test_no_common_item():
    with pytest.raises(ValueError, match="common"):
        paired({"a": True}, {"b": True})


def flipped(gained, lost, items):
    """Two students of whom the first alone has some right, and the second alone others."""
    first = answers(*[1] * gained, *[0] * (items - gained))
    second = answers(*[0] * gained, *[1] * lost, *[0] * (items - gained - lost))
    return first, second


def test_the_test_is_mcnemars():
    for gained, lost in [(5, 0), (0, 5), (9, 1), (40, 20)]:
        statistic = (gained - lost) ** 2 / (gained + lost)
        found = paired(*flipped(gained, lost, 60))
        assert found.p == pytest.approx(chi2.sf(statistic, 1))
    assert paired(*flipped(3, 3, 60)).p == 1.0
    assert paired(*flipped(0, 0, 60)).p == 1.0


# A handful of flips among many items is where a resampled interval is narrow and the test is not.
@pytest.mark.parametrize("items", [20, 100, 1000])
@pytest.mark.parametrize("gained", [*range(13), 20])
@pytest.mark.parametrize("lost", [0, 1, 3])
def test_an_interval_says_of_zero_what_its_test_says(gained, lost, items):
    if gained + lost > items:
        return
    first, second = flipped(gained, lost, items)
    for found in (paired(first, second), paired(second, first)):
        difference = found.difference
        assert (found.p < 0.05) == (difference.low > 0 or difference.high < 0)
        assert -1 <= difference.low <= difference.value <= difference.high <= 1


def test_over_seeds_is_a_t_interval():
    found = over_seeds([0.5, 0.6, 0.7], least=0.0, most=1.0)
    half = 4.302652729911275 * 0.1 / math.sqrt(3)
    assert (found.value, found.low, found.high) == pytest.approx((0.6, 0.6 - half, 0.6 + half))
    assert (found.covers, found.count) == ("seeds", 3)


def test_a_mean_of_runs_that_agree_has_the_widest_of_their_intervals_over_items():
    alone, together = (
        proportion(8, 10),
        clustered_proportion((str(n // 2), n < 8) for n in range(10)),
    )
    found = mean_over_runs([alone, together, alone])
    assert found == together and found.low < alone.low < 0.8
    # Sums of thirds differ by what rounding leaves, and are the same share.
    near = replace(alone, value=alone.value + 1e-16)
    assert mean_over_runs([alone, near]).covers == "items"


def test_a_mean_of_runs_that_differ_is_over_runs():
    found = mean_over_runs([proportion(count, 10) for count in (5, 6, 7)])
    assert found == over_seeds([0.5, 0.6, 0.7], least=0.0, most=1.0)
    assert mean_over_runs([proportion(5, 10)]) == proportion(5, 10)


def test_over_seeds_stays_where_accuracies_can_be():
    found = over_seeds([0.0, 0.9], least=0.0, most=1.0)
    assert (found.low, found.high) == (0.0, 1.0)
    assert over_seeds([0.4, 0.4], least=0.0, most=1.0).low == pytest.approx(0.4)
    with pytest.raises(ValueError, match="two runs"):
        over_seeds([0.4], least=0.0, most=1.0)
