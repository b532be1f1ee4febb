"""What one arm has of another: the students that it watches, or the data that it is taught.

Arms that are taught equal amounts read of each other too; that is in `equal`, after all loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.compile.lower.stages import Builder, Other
from dataenvgym_spec.compile.lower.turn import Turn
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.resolve.arms import Arm

MADE: Final = ("gate", "plan", "generate", "check")
"""The kinds of stage that data is made by; they are shown in each arm that is taught it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looped:
    """The loop of one arm under one run seed.

    Attributes:
        build: who built its stages.
        turns: where it stood before the first iteration and after each.
    """

    build: Builder
    turns: Sequence[Turn]

    def watched(self) -> Other:
        """Its students, the base first, for another arm to watch."""
        return Other(build=self.build, students=tuple(turn.student for turn in self.turns))

    def lend(self, turn: Turn, borrower: Builder) -> Turn:
        """The next turn of an arm that is taught this one's data; it ends where this loop does."""
        theirs = self.turns[turn.number + 1]
        for stage in self.build.stages:
            (use,) = stage.uses
            if stage.kind in MADE and use.iteration == theirs.number:
                borrower.stages.append(_shown_in(borrower, stage))
        return replace(
            turn,
            number=theirs.number,
            gate=theirs.gate,
            latest=theirs.latest,
            idle=theirs.idle,
            accepted=(*turn.accepted, *theirs.latest),
        )


def _shown_in(borrower: Builder, stage: Stage) -> Stage:
    """A stage of another arm, as one of this arm: equal ones become one (`share`)."""
    (use,) = stage.uses
    arm = borrower.arm
    iterations = arm.experiment.loop.iterations
    # Its agent is the other arm's; what that sees is no observation of this one.
    mine = replace(use, arm=arm.name, iterations=iterations, blind=False)
    place = stage.id.split("/", 2)[2]
    return replace(stage, id=f"{use.experiment}/{arm.name}/{place}", uses=(mine,))


def named(arm: Arm) -> Iterator[str]:
    """The arms that an arm has something of."""
    record = arm.experiment
    if record.data_from is not None:
        yield record.data_from.arm
    elif record.agent.yoke is not None:
        yield record.agent.yoke.arm


def in_order(arms: Iterable[Arm]) -> list[Arm]:
    """Arms, each after those that it has something of; else as they are listed.

    There is no circle: see `rules.linked`.
    """
    by_name = {arm.name: arm for arm in arms}
    ordered: dict[str, Arm] = {}

    def put(arm: Arm) -> None:
        for name in named(arm):
            put(by_name[name])
        ordered.setdefault(arm.name, arm)

    for arm in by_name.values():
        put(arm)
    return list(ordered.values())


def following(seeds: Sequence[int], seed: int) -> int:
    """The run seed after one, and after the last the first.

    >>> [following([7, 3, 5], seed) for seed in [7, 3, 5]]
    [3, 5, 7]
    """
    return seeds[(seeds.index(seed) + 1) % len(seeds)]
