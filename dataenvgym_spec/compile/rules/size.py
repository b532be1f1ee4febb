"""The graph of some specs is not too large: a few characters can ask for more than a machine holds.

It is estimated before it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm, Resolved

MAX_STAGES: Final = 500_000
MAX_READS: Final = 4_000_000
"""Edges between stages: half a gigabyte. 1,000 variants of 3 arms and 10 iterations have half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """About how many stages there are before sharing, and how many ports they read."""

    stages: int
    reads: int


def size(arm: Arm) -> Size:
    """The size of one run of an arm.

    Everything accepted so far is read by each check, and by each training unless it trains on the
    latest only and teaches none of the others again.
    """
    loop = arm.experiment.loop
    # Of each round of the agent, what it generates at first and its refills.
    rounds = len(loop.amounts) * (loop.teach.refill + 1)
    accepted = loop.iterations * rounds
    stages = 10 + loop.iterations * (3 + len(loop.amounts) + 2 * rounds)
    checked = accepted * accepted // 2
    reads_all = loop.train_on == "all" or loop.replayed is not None
    trained = accepted * loop.iterations // 2 if reads_all else accepted
    return Size(stages=stages, reads=checked + trained + 4 * stages)


def check(specs: Sequence[Resolved]) -> list[Diagnostic]:
    """Whether specs together ask for too much."""
    stages = reads = most = 0
    largest: Resolved | None = None
    for spec in specs:
        seeds = len(spec.base.seeds.runs())
        for arm in spec.arms:
            one = size(arm)
            stages += seeds * one.stages
            reads += seeds * one.reads
            if seeds * one.reads > most:
                most, largest = seeds * one.reads, spec
    if largest is None or (stages <= MAX_STAGES and reads <= MAX_READS):
        return []
    message = (
        f"{stages} stages that read {reads} results are more than can be compiled "
        f"({MAX_STAGES} and {MAX_READS})"
    )
    help = "lower the iterations, rounds, refills, seeds or points, or name fewer specs"
    return [largest.node.at(("loop",)).key_fault("E206", message, help)]
