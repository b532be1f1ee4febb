"""There are as many distinct problems as are to be taught."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from dataenvgym_spec.compile.rules.supply import Supply, drawn
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import lanes


def check(arm: Arm) -> Iterator[Diagnostic]:
    """More distinct examples than there are problems that no split keeps for itself."""
    loop = arm.experiment.loop
    made = drawn(arm)
    total = _problems(made)
    if total is None or not rejects_repeats(arm) or _has_subskills(arm):
        return
    kept = _kept(arm)
    free = total * max(0.0, 1 - sum(high - low for low, high in kept))
    # Where nothing is free, `shares` says that the splits own too much.
    reach = min(total, free + 4 * sqrt(free)) if free else total
    wanted = loop.teach.examples * loop.iterations
    if wanted > reach:
        words = made[0].words
        message = (
            f"{loop.iterations} iterations of {loop.teach.examples} distinct examples "
            f"are {wanted}, but the {words.many} have {total} {words.items}"
        )
        if kept:
            message += f", of which about {free:.0f} are no split's"
        node = arm.node.at(("loop", "teach", "examples"))
        yield node.fault("E202", message, f"teach fewer, or widen the {words.many}")


def _problems(sources: list[Supply]) -> int | None:
    """How many distinct problems there are at most; None if nothing is known of some group."""
    total = 0
    for source in sources:
        sizes = list(source.sizes.values()) if source.groups else [None]
        for size in sizes:
            if size is None:
                return None
            total += size
    return total or None


def rejects_repeats(arm: Arm) -> bool:
    """Whether all accepted examples of a loop are distinct."""
    checks = arm.experiment.agent.checks.values()
    rejecting = [check["kind"] for check in checks if check["action"] == "reject"]
    return any(definition("check", kind).rejects == "repeats" for kind in rejecting)


def _has_subskills(arm: Arm) -> bool:
    """Whether examples are of variants of the groups too, whose problems nobody counts."""
    return any(slot == "proposer" for slot, _, _ in arm.experiment.components())


def _kept(arm: Arm) -> set[tuple[float, float]]:
    """The lanes of the splits that checks keep examples clear of.

    A split that is all or the rest of a source with an end has no lane of one without.
    """
    splits = arm.experiment.task.splits.drawn()
    counted = [role for role, split in splits.items() if not isinstance(split.draw, str)]
    owned = {role: lane for role, lane in lanes(arm).items() if role in counted}
    kept: set[tuple[float, float]] = set()
    for options in arm.experiment.agent.checks.values():
        declared = definition("check", options["kind"])
        # What is compared by n-grams or by looks keeps no lane free.
        compared = declared.marked("x-ngrams") or declared.marked("x-images")
        if options["action"] == "reject" and declared.reads == "splits" and not compared:
            option = next(iter(declared.marked("x-splits")), None)
            roles = owned if option is None else dict(named(options, option))[option]
            kept |= {owned[role] for role in roles if role in owned}
    return kept
