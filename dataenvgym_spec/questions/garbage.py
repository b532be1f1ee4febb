"""Which stage directories nobody needs, in an order in which removing them is safe. Pure; the disk is asked in `store.gc`."""

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
    found: set[str] = set()
    ahead = list(reached)
    while ahead:
        directory = ahead.pop()
        if directory not in found:
            found.add(directory)
            ahead += present.get(directory) or ()
    return frozenset(found)


def garbage(present: Reads, reached: Collection[str]) -> tuple[str, ...]:
    """What is not needed, downstream first.

    Whoever stops after any part of it leaves no stage whose upstream is gone: DVC fails on such a one without saying which it
    is. All that is downstream of a directory of the result is in the result, because what reads something needs it.

    >>> garbage({"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}, ["d"])
    ('c', 'b')
    """
    kept = needed(present, reached)
    gone = {
        directory: reads for directory, reads in sorted(present.items()) if directory not in kept
    }
    known = {
        directory: [read for read in sorted(reads or ()) if read in gone]
        for directory, reads in gone.items()
    }
    try:
        order = [*TopologicalSorter(known).static_order()]
    except (
        CycleError
    ):  # nobody but a person with an editor makes one, for keys are hashes of what is read
        order = sorted(known)
    # What does not say what it reads may read anything: it goes first, after what reads it.
    early: set[str] = set()
    for directory in order:
        if gone[directory] is None or not early.isdisjoint(known[directory]):
            early.add(directory)
    order.reverse()
    return (
        *(directory for directory in order if directory in early),
        *(directory for directory in order if directory not in early),
    )
