"""Says which iteration's student is best on the selection split, and which is last."""

from __future__ import annotations

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.records.files import read_rows, write_json


def select(context: Context) -> None:
    """Writes the choice. Iterations count from 1; of equal students the earliest is best. One that was passed through has no results."""
    scores = []
    for read in context.ports("results"):
        marks = [row["correct"] for row in read_rows(read.path / "results.jsonl")]
        if marks:
            scores.append(sum(marks) / len(marks))
    last = len(scores)
    best = last if context.params["by"] == "last" else 1 + scores.index(max(scores))
    write_json(
        context.out("choice", "choice.json"), {"best": best, "last": last, "accuracy": scores}
    )
    context.say(
        f"  best: iteration {best} with {scores[best - 1]:.3f} on selection; last: iteration {last} with {scores[-1]:.3f}"
    )
