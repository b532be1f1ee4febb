"""The ledger by arm and iteration, with what engines' calls to teachers came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.results.ledger import Cost, Ledger
from dataenvgym_spec.results.stage import StageResult

ALWAYS: Final = ("stages", "seconds", "tokens")
"""What is said of the cost of some stages also where it is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAccount:
    """The cost of the stages of one iteration, summed over runs.

    Attributes:
        arm: whose they are; None for those that several arms share.
        iteration: 0 for the base student, None for what is outside of the loop.
        made: what engines' calls to teachers came to, in numbers.
    """

    arm: str | None
    iteration: int | None
    cost: Cost
    made: Mapping[str, int] = field(default_factory=dict)


def turn_accounts(ledger: Ledger) -> tuple[TurnAccount, ...]:
    """One account per arm and iteration that did work, then those that several arms share.

    Each stage counts once: at the first iteration that uses it.
    """
    groups: dict[tuple[str | None, int | None], list[StageResult]] = {}
    for stage in ledger.worked:
        groups.setdefault((_arm(stage), _iteration(stage)), []).append(stage)
    ranks = {arm: number for number, arm in enumerate((*ledger.arms, None))}
    places = sorted(groups, key=lambda place: (ranks[place[0]], place[1] is None, place[1] or 0))
    return tuple(_account(ledger, place, groups[place]) for place in places)


def _account(
    ledger: Ledger, place: tuple[str | None, int | None], stages: Sequence[StageResult]
) -> TurnAccount:
    made: Counter[str] = Counter()
    for stage in stages:
        made.update(ledger.logs[stage.key].made or {})
    arm, iteration = place
    return TurnAccount(arm=arm, iteration=iteration, cost=ledger.cost(stages), made=made)


def _arm(stage: StageResult) -> str | None:
    arms = {use.arm for use in stage.uses}
    return arms.pop() if len(arms) == 1 else None


def _iteration(stage: StageResult) -> int | None:
    numbers = [use.iteration for use in stage.uses if use.iteration is not None]
    return min(numbers, default=None)


def cost_record(cost: Cost) -> dict[str, Any]:
    """What some stages took, as plain data."""
    row: dict[str, Any] = {
        "stages": cost.stages,
        "seconds": round(cost.seconds, 3),
        "gpu_seconds": round(cost.gpu_seconds, 3),
        "phases": {name: round(spent, 3) for name, spent in cost.phases.items() if spent},
        "tokens": cost.tokens,
        "requested": cost.requested,
        "candidates": cost.candidates,
        "accepted": cost.examples,
        "rejected": cost.rejected,
        "requests": cost.requests,
        "retries": cost.retries,
        "reused": cost.reused,
        "images": cost.images,
        "answers": cost.finishes,
        "usd": round(cost.usd, 6),
    }
    # What there is nothing of is left out: most experiments ask no teacher.
    return {name: value for name, value in row.items() if value or name in ALWAYS}
