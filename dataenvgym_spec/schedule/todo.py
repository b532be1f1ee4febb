"""What is to be done of experiments, by their plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataenvgym_spec.emit.entry import target
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.plan import PlannedStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What is to be done of an experiment.

    Attributes:
        targets: the stages as DVC names them, in topological order.
        done: how many stages are done already.
    """

    targets: tuple[str, ...]
    done: int


def open_targets(item: Entry, steps: Sequence[PlannedStage]) -> Open:
    """What is to be done of an experiment whose plan has these steps."""
    targets = []
    for step in steps:
        if step.action != "reuse":
            targets.append(address(step.directory) if step.directory else target(item))
    return Open(targets=tuple(targets), done=len(steps) - len(targets))
