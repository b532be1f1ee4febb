"""Decides on the selection scores so far whether the next iteration takes place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.params import GateParams
from dataenvgym_spec.records.evaluations import Result, Stopped
from dataenvgym_spec.records.files import read_all


def gate(context: Context[GateParams]) -> None:
    """Writes one bit, go on or stop. Why goes into the log, which no stage reads."""
    scores = accuracies(context)
    patience = context.params.patience
    stop = stops(scores, patience)
    context.write("gate", "gate.json", Stopped(stop=stop))
    context.record(accuracy=tuple(scores))
    known = [score for score in scores if score is not None]
    best, decision = 1 + known.index(max(known)), "stop" if stop else "go on"
    context.say(
        f"  best on selection: iteration {best} of {len(known)}; {decision} (patience {patience})"
    )


def accuracies(context: Context[Any]) -> list[float | None]:
    """Accuracy on selection from iteration 1 on; None for an iteration that did not take place."""
    scores: list[float | None] = []
    for port in context.ports("results"):
        marks = [row.correct for row in read_all(port.path / "results.jsonl", Result)]
        scores.append(sum(marks) / len(marks) if marks else None)
    return scores


def stops(scores: Sequence[float | None], patience: int) -> bool:
    """Whether the loop ends here.

    It does when the last `patience` iterations all fell short of a new best score, or when an
    earlier gate has stopped it already.

    Args:
        scores: accuracy on selection from iteration 1 on; None for an iteration that did not take
            place.
        patience: as in the spec.

    >>> stops([0.2, 0.4, 0.4], 1), stops([0.2, 0.4, 0.4], 2), stops([0.4, 0.4, None], 9)
    (True, False, True)
    """
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return True
    since_best = len(known) - 1 - known.index(max(known))
    return since_best >= patience
