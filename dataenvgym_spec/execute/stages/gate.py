"""Decides on the selection scores so far whether the next iteration takes place."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.records.files import read_rows, write_json


def gate(context: Context) -> None:
    """Writes one bit, go on or stop. Why goes into the log, which no stage reads."""
    scores = []
    for read in context.ports("results"):
        marks = [row["correct"] for row in read_rows(read.path / "results.jsonl")]
        scores.append(sum(marks) / len(marks) if marks else None)
    patience = context.params["patience"]
    stop = stops(scores, patience)
    write_json(context.out("gate", "gate.json"), {"stop": stop})
    context.record(accuracy=scores)
    known = [score for score in scores if score is not None]
    context.say(
        f"  best on selection: iteration {1 + known.index(max(known))} of {len(known)}; {'stop' if stop else 'go on'} (patience {patience})"
    )


def stops(scores: Sequence[float | None], patience: int) -> bool:
    """Whether the last `patience` iterations all fell short of a new best score, or an earlier gate has stopped the loop already.

    Args:
        scores: accuracy on selection from iteration 1 on; None for an iteration that did not take place.
        patience: as in the spec.

    >>> stops([0.2, 0.4, 0.4], 1), stops([0.2, 0.4, 0.4], 2), stops([0.4, 0.4, None], 9)
    (True, False, True)
    """
    known = [score for score in scores if score is not None]
    return len(known) < len(scores) or len(known) - 1 - known.index(max(known)) >= patience
