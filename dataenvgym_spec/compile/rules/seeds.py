"""Run seeds: replicates must differ."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Resolved


def check(resolved: Resolved) -> Iterator[Diagnostic]:
    """A run seed that is listed twice."""
    seeds = resolved.base.seeds.runs()
    if len(set(seeds)) != len(seeds):
        node = resolved.node.at(("seeds", "run"))
        yield node.fault("E204", "a run seed is listed twice", "list each seed once")
