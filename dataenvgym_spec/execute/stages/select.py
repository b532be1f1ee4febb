"""Says which iteration's student is best on the selection split, and which is last."""

from __future__ import annotations

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.stages.gate import accuracies
from dataenvgym_spec.graph.params import SelectParams
from dataenvgym_spec.records.evaluations import Choice


def select(context: Context[SelectParams]) -> None:
    """Writes the choice.

    Iterations count from 1; of equal students the earliest is best. One that was passed through has
    no results.
    """
    scores = [score for score in accuracies(context) if score is not None]
    last = len(scores)
    best = last if context.params.by == "last" else 1 + scores.index(max(scores))
    choice = Choice(best=best, last=last, accuracy=tuple(scores))
    context.write("choice", "choice.json", choice)
    context.say(
        f"  best: iteration {best} with {scores[best - 1]:.3f} on selection; "
        f"last: iteration {last} with {scores[-1]:.3f}"
    )
