"""Reproduces one experiment with DVC, by naming the stages that are to be done in topological order.

`dvc repro NAME` finds the order by itself, and reads every `dvc.yaml` of the repository for it: 47 s at 15,000 stages. The
compiler knows the order and `plan` knows what is done, so DVC is told both (`--single-item`) and reads those files only.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.running import announced
from dataenvgym_spec.emit.entry import target
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.plan import Step
from dataenvgym_spec.store.dvc.busy import release
from dataenvgym_spec.store.dvc.programs import dvc, environment
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

FIRST: Final = 8
GROWTH: Final = 8
MOST: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What DVC is asked for, in order, and how many stages are done already."""

    targets: tuple[str, ...]
    done: int


def open_targets(item: Entry, steps: Sequence[Step]) -> Open:
    """What is to be done of an experiment whose plan has these steps."""
    open_ones = [step for step in steps if step.action != "reuse"]
    targets = tuple(
        address(step.directory) if step.directory else target(item) for step in open_ones
    )
    return Open(targets=targets, done=len(steps) - len(open_ones))


def reproduce(
    item: Entry, targets: Sequence[str], layout: Layout, *, pull: bool, limits: Mapping[str, str]
) -> int:
    """Has DVC make targets, up to the first that fails; returns DVC's exit code. Its stages are given `limits` in their environment."""
    if not targets:  # DVC would take none for all
        return 0
    release(layout)
    more = ["--pull"] if pull else []
    parent = os.getpid()
    # For a pull DVC reads the whole repository, once a process.
    for batch in [targets] if pull else batches(targets):
        command = [dvc(), "repro", "--single-item", *more, *batch]
        environ = {**environment(), **announced(item.name), **limits}
        # A killed run takes its DVC with it: an orphan would go on through all targets, and hold DVC's lock against the next run.
        if code := subprocess.call(
            command, cwd=layout.root, env=environ, preexec_fn=lambda: die_with_parent(parent)
        ):
            return code
    return 0


def batches(targets: Sequence[str]) -> Iterator[Sequence[str]]:
    """Targets in calls that grow: DVC reads all files of a call (10 to 60 ms each) before it runs the first stage.

    >>> [len(batch) for batch in batches(["x"] * 100)]
    [8, 64, 28]
    """
    start, size = 0, FIRST
    while start < len(targets):
        yield targets[start : start + size]
        start, size = start + size, min(size * GROWTH, MOST)
