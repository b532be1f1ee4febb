"""What is said of splits for which a local file has too few items in their share.

Not a rule itself: `draws` says it where the amounts are within reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dataenvgym_spec.compile.allotment import Share, Shares, allotment, short
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm


def allotted(arm: Arm) -> Iterator[Diagnostic]:
    """An error for each such split, or a warning where another seed has enough for all."""
    found = allotment(arm)
    missing = short(found.shares)
    note = f"by the seed {arm.experiment.seeds.splits} they can have: {_listed(found.own)}"
    for role, share in short(found.own).items():
        node = arm.node.at(("task", "splits", role, "draw"))
        if missing:
            finding = _refused(node, role, share, found.tried)
        else:
            finding = _by_another(node, role, share, found.seed)
        yield replace(finding, notes=(note,))


def _refused(node: Node, role: str, share: Share, tried: int) -> Diagnostic:
    message = f"{_asks(role, share)}, and none of {tried} other seeds has enough for all"
    help = f"raise 'share' of '{role}', or name a larger file"
    if share.possible:
        help = f"draw at most {share.possible}, {help}"
    return node.fault("E202", message, help)


def _by_another(node: Node, role: str, share: Share, seed: int) -> Diagnostic:
    message = f"{_asks(role, share)}; the splits are allotted by another seed, {seed}"
    help = f"raise 'share' of '{role}', so that any seed is likely to have enough"
    return node.fault("W406", message, help, severity="warning")


def _asks(role: str, share: Share) -> str:
    wanted = f"{share.draw.items} items"
    if share.draw.per_group is not None:
        wanted = f"{share.draw.per_group} items a group"
    return f"'{role}' asks for {wanted}: its share of '{share.path}' has {_there_is(share)}"


def _there_is(share: Share) -> str:
    """What there is of what is missing."""
    if share.draw.per_group is None or len(share.counts) == 1:
        return str(share.possible)
    return ", ".join(f"{share.counts[group]} of '{group}'" for group in share.missing)


def _listed(shares: Shares) -> str:
    parts = []
    for role, share in shares.items():
        each = " a group" if share.draw.per_group else ""
        parts.append(f"'{role}' {share.possible}{each}")
    return ", ".join(parts)
