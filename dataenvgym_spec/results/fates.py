"""What became of the candidates of an iteration: accepted, surplus, or rejected by a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration

NOT_REJECTED: Final = frozenset({"accepted", "surplus"})
"""Fates of candidates that are no rejection by a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """How many candidates had which fate.

    Attributes:
        requested: examples that the plan asked for.
        surplus: candidates that came after their skill's amount was full; no check judged them.
        rejected: by check.
    """

    requested: int
    accepted: int
    surplus: int
    rejected: tuple[tuple[str, int], ...]

    @property
    def judged(self) -> int:
        """Candidates that checks judged."""
        return self.accepted + sum(count for _, count in self.rejected)

    @property
    def candidates(self) -> int:
        """All that were generated."""
        return self.judged + self.surplus

    @property
    def accepted_share(self) -> float:
        """The share of the judged candidates that was accepted."""
        return self.accepted / self.judged if self.judged else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationFates:
    """The fates in one iteration of one arm, summed over its runs."""

    arm: str
    iteration: int
    fates: Fates


def fates(results: Results) -> tuple[IterationFates, ...]:
    """The fates per arm and iteration, summed over runs."""
    groups: dict[tuple[str, int], list[Iteration]] = {}
    for run in results.runs:
        for turn in run.iterations[1 : 1 + run.reached]:
            groups.setdefault((run.arm, turn.number), []).append(turn)
    rows = []
    for (arm, number), turns in groups.items():
        rows.append(IterationFates(arm=arm, iteration=number, fates=fates_of(turns)))
    return tuple(rows)


def fates_of(turns: Sequence[Iteration]) -> Fates:
    """The fates in some iterations, added up."""
    requested = 0
    counts: Counter[str] = Counter()
    for turn in turns:
        plan = turn.plan
        requested += sum(plan.allocation.values()) if plan else 0
        for by_fate in turn.tally.values():
            counts.update(by_fate)
    rejected = [pair for pair in counts.items() if pair[0] not in NOT_REJECTED]
    return Fates(
        requested=requested,
        accepted=counts["accepted"],
        surplus=counts["surplus"],
        rejected=tuple(sorted(rejected)),
    )
