"""How large a graph some specs make, before it is made: a few characters can ask for more than a machine holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm, Resolved

MAX_STAGES: Final = 500_000
MAX_READS: Final = 4_000_000
"""Edges between stages: half a gigabyte. A sweep of 1,000 variants of 3 arms and 10 iterations has half as many."""


def size(arm: Arm) -> tuple[int, int]:
    """About how many stages one run of an arm has before sharing, and how many ports they read.

    Everything accepted so far is read by each check, and by each training unless it trains on the latest only.
    """
    loop = arm.experiment.loop
    rounds = loop.teach.refill + 1
    accepted = loop.iterations * rounds
    stages = 10 + loop.iterations * (4 + 2 * rounds)
    trained = accepted * loop.iterations // 2 if loop.train_on == "all" else accepted
    return stages, accepted * accepted // 2 + trained + 4 * stages


def check(specs: Sequence[Resolved]) -> list[Diagnostic]:
    """Whether specs together ask for too much."""
    sizes = [(spec, len(spec.base.seeds.runs()), size(arm)) for spec in specs for arm in spec.arms]
    stages, reads = (sum(seeds * amounts[index] for _, seeds, amounts in sizes) for index in (0, 1))
    if stages <= MAX_STAGES and reads <= MAX_READS:
        return []
    largest, _, _ = max(sizes, key=lambda item: item[1] * item[2][1])
    message = f"{stages} stages that read {reads} results are more than can be compiled ({MAX_STAGES} and {MAX_READS})"
    return [
        largest.node.at(("loop",)).key_fault(
            "E206", message, "lower the iterations, refills, seeds or points, or name fewer specs"
        )
    ]
