"""Holm's correction, by its definition: step down until the first that is not refused."""

import random

import pytest
from scipy.stats import false_discovery_control

from dataenvgym_spec.results.evidence.correction import holm


def refused(values: list[float], declared: int, level: float) -> list[bool]:
    """Holm (1979) as he wrote it: compare the smallest with level / m, the next with m - 1, ..."""
    out, left = [False] * len(values), declared
    for place in sorted(range(len(values)), key=values.__getitem__):
        if values[place] > level / left:
            break
        out[place], left = True, left - 1
    return out


def test_it_refuses_what_the_steps_refuse() -> None:
    rng = random.Random(0)
    for _ in range(300):
        count = rng.randint(1, 9)
        values = [rng.random() ** 4 for _ in range(count)]
        declared, level = count + rng.randint(0, 3), rng.choice([0.01, 0.05, 0.2])
        adjusted = holm(values, declared)
        assert [p <= level for p in adjusted] == refused(values, declared, level)
        assert all(p >= raw for p, raw in zip(adjusted, values, strict=True))
        # It holds the chance of any false claim, which is harder than the share of false ones.
        if declared == count:
            assert all(
                p >= other - 1e-12
                for p, other in zip(adjusted, false_discovery_control(values), strict=True)
            )


def test_contrasts_without_an_answer_count() -> None:
    assert holm([0.02], 3) == (0.06,) and holm([0.02], 1) == (0.02,) and holm([], 2) == ()
    with pytest.raises(ValueError, match="3 p values of 2 contrasts"):
        holm([0.1, 0.2, 0.3], 2)
