"""Which stage directories nobody needs, in an order safe for removal. Pure; see `store.gc`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

Reads = Mapping[str, Collection[str] | None]
"""The directories that each directory reads; None if its `stage.json` does not say."""


def needed(present: Reads, reached: Collection[str]) -> frozenset[str]:
    """What is reached, and all that it reads, transitively.

    >>> sorted(needed({"a": [], "b": ["a"], "c": ["b"]}, ["b"]))
    ['a', 'b']
    """
    kept: set[str] = set()
    ahead = list(reached)
    while ahead:
        directory = ahead.pop()
        if directory not in kept:
            kept.add(directory)
            ahead += present.get(directory) or ()
    return frozenset(kept)


def garbage(present: Reads, reached: Collection[str]) -> tuple[str, ...]:
    """What is not needed, downstream first.

    Removal can stop after any part of it and leave no stage without its upstream: DVC fails on such
    a stage without naming it. All that is downstream of a directory of the result is in the result,
    because what reads something needs it.

    >>> garbage({"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}, ["d"])
    ('c', 'b')
    """
    kept = needed(present, reached)
    gone = {name: present[name] for name in sorted(present) if name not in kept}
    reads: dict[str, list[str]] = {}
    for directory, inputs in gone.items():
        reads[directory] = [read for read in sorted(inputs or ()) if read in gone]
    order = _upstream_first(reads)
    # What does not say what it reads may read anything: it goes first, after what reads it.
    early: set[str] = set()
    for directory in order:
        if gone[directory] is None or not early.isdisjoint(reads[directory]):
            early.add(directory)
    order.reverse()
    first = [directory for directory in order if directory in early]
    last = [directory for directory in order if directory not in early]
    return (*first, *last)


def _upstream_first(reads: Mapping[str, Collection[str]]) -> list[str]:
    """Directories, each after those it reads."""
    try:
        return [*TopologicalSorter(reads).static_order()]
    except CycleError:  # only a person with an editor makes one: keys are hashes of what is read
        return sorted(reads)
