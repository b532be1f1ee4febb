"""The ledger by arm and iteration, with what engines' calls to teachers came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dataenvgym_spec.results.ledger import Cost, Ledger
from dataenvgym_spec.results.stage import StageResult


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
