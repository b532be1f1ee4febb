"""What learning means in the tests: paired intervals above zero, in each run by itself."""

from __future__ import annotations

from dataenvgym_spec.results.evidence.scores import comparisons, gains
from dataenvgym_spec.results.evidence.statistics import Paired
from dataenvgym_spec.results.experiment import Results


def over_base(results: Results, arm: str) -> dict[int, Paired]:
    """An arm's best student against the untaught one, on the sealed test, by run seed."""
    return {gain.seed: gain.paired for gain in gains(results) if gain.arm == arm}


def over_arm(results: Results, arm: str, against: str) -> dict[int, Paired]:
    """An arm's student against another arm's, by run seed, where the spec declares the contrast."""
    (found,) = [
        answer for answer in comparisons(results) if (answer.arm, answer.against) == (arm, against)
    ]
    return dict(found.runs)


def require_learned(pairs: dict[int, Paired], seeds: tuple[int, ...]) -> None:
    """The interval of the difference is above zero in each of the runs."""
    assert sorted(pairs) == sorted(seeds)
    said = {seed: pair.difference for seed, pair in pairs.items()}
    assert all(difference.low > 0 for difference in said.values()), said
