"""What came of computing a stage again, beside its result."""

from __future__ import annotations

from typing import Literal

from dataenvgym_spec.records.record import Record

Outcome = Literal["equal", "different", "skipped", "failed"]


class PortReplica(Record, frozen=True, kw_only=True):
    """One port, computed again.

    Attributes:
        name: the port's.
        equal: whether it holds the same bytes.
        files: those that differ, are new or are missing.
    """

    name: str
    equal: bool
    files: tuple[str, ...] = ()


class ScoreReplica(Record, frozen=True, kw_only=True):
    """A student's answers to a split, given again.

    Attributes:
        split: whose items they are.
        iteration: whose answers, where several students are scored in one stage.
        before: the accuracy of the result.
        after: that of the answers given again.
        items: how many were answered both times.
        gained: answers that are right this time alone.
        lost: answers that were right the first time alone.
        reworded: answers of another text, right or wrong.
    """

    split: str
    iteration: int | None = None
    before: float
    after: float
    items: int
    gained: int
    lost: int
    reworded: int


class Replica(Record, frozen=True, kw_only=True):
    """A stage, computed again.

    Attributes:
        stage: its directory.
        kind: its kind.
        label: what a person calls it.
        arm: whose students answer it, or what their scores are of.
        promise: what its kind and components promise: equal bytes `anywhere`, on the
            `same-machine`, or `none`.
        owed: whether equal bytes are promised here and now.
        outcome: whether all ports hold the same bytes, or why that is not known.
        reason: why it was skipped or has failed; empty otherwise.
        circumstances: what was otherwise this time, such as `torch: 2.12.0 / 2.13.0`.
        ports: each port.
        scores: of an evaluation, those that differ in any answer; of a training of other bytes,
            what its student answers beside the one in the store.
        asked: of a training, how many students answered for that: the new one, or the old one as
            well, whose stored answers were given by another student or under other circumstances.
        elsewhere: whether its items are those of another test set.
        seconds: it took.
    """

    stage: str
    kind: str
    label: str
    arm: str
    promise: str
    owed: bool
    outcome: Outcome
    reason: str = ""
    circumstances: tuple[str, ...] = ()
    ports: tuple[PortReplica, ...] = ()
    scores: tuple[ScoreReplica, ...] = ()
    asked: int = 0
    elsewhere: bool = False
    seconds: float = 0.0

    @property
    def broken(self) -> bool:
        """Whether a promise was not kept, or could not be tried."""
        return self.outcome == "failed" or (self.owed and self.outcome == "different")
