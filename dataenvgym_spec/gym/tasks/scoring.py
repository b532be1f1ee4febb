"""Scores a batch of answers, so that one odd answer costs one answer and not the stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.gym.tasks.protocol import Answer, Score, Scorer
from dataenvgym_spec.records.items import Item

UNREADABLE: Final = Score(value=0.0, parsed=False)

Scored = tuple[Item, Answer]


def scored(
    scorer: Scorer, answers: Sequence[Scored], *, say: Callable[[str], None] | None = None
) -> list[Score]:
    """Scores of answers, in their order.

    If the scorer raises on a batch, each answer is scored alone, and those on which it raises are
    unreadable.

    Args:
        scorer: the task's scorer.
        answers: items with the answers to them.
        say: is told how many answers raised, and the first reason.

    Raises:
        StageError: the scorer returns another number of scores than there are answers.
        UserError: the scorer cannot work at all, as it says itself.
    """
    if not answers:
        return []
    try:
        return _batch(scorer, answers)
    except UserError:
        raise
    # Whatever a student writes ends up in parsers that were not made for it.
    except Exception:
        return _each(scorer, answers, say)


def _batch(scorer: Scorer, answers: Sequence[Scored]) -> list[Score]:
    scores = list(scorer.score(answers))
    if len(scores) != len(answers):
        name = type(scorer).__name__
        raise StageError(
            f"the scorer {name} returned {len(scores)} scores for {len(answers)} answers",
            help="it must return one score an answer, in their order",
        )
    return scores


def _each(
    scorer: Scorer, answers: Sequence[Scored], say: Callable[[str], None] | None
) -> list[Score]:
    scores, reasons = [], []
    for answer in answers:
        try:
            scores += _batch(scorer, [answer])
        except UserError:
            raise
        except Exception as error:
            scores.append(UNREADABLE)
            reasons.append(f"{type(error).__name__}: {error}")
    if reasons and say is not None:
        say(f"  {len(reasons)} of {len(answers)} answers cannot be scored: {reasons[0]}")
    return scores
