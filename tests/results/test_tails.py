"""Quantiles without scipy are those of scipy."""

import pytest
from scipy.stats import t

from dataenvgym_spec.results.evidence.tails import central, quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 29, 30, 31, 100, 5000])
def test_quantiles_are_those_of_scipy(freedom: int) -> None:
    for alpha in (0.5, 0.1, 0.05, 0.01, 1e-4):
        assert quantile(alpha, freedom) == pytest.approx(t.ppf(1 - alpha / 2, freedom), rel=1e-4)
    for value in (0.1, 1.0, 2.0, 30.0):
        assert central(value, freedom) == pytest.approx(1 - 2 * t.sf(value, freedom), abs=1e-12)


def test_there_is_no_quantile_without_freedom() -> None:
    with pytest.raises(ValueError, match="no degrees of freedom"):
        quantile(0.05, 0)
