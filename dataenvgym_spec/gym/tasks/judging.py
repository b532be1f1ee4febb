"""Scores one answer: what a sandbox calls in a child, so that no answer is read anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.make import Named, make
from dataenvgym_spec.gym.tasks.protocol import Answer, Scorer
from dataenvgym_spec.records.items import Item

Judging = Callable[..., dict[str, Any]]


def judging(scorer: Mapping[str, Any], files: Mapping[str, str]) -> Judging:
    """Makes the function that scores one answer.

    Args:
        scorer: the component, as `Named.plain` gives it.
        files: where the files lie that its options name by digest.

    Raises:
        MissingExtra: a package it needs is not installed.
        UserError: it is not installed, or in another version.
    """
    places = {digest: Path(path) for digest, path in files.items()}
    made: Scorer = make(Named.parse(scorer), files=places)

    def scored(
        item: Mapping[str, Any], text: str | None, truncated: bool, **handed: Any
    ) -> dict[str, Any]:
        asked = Item.parse(item)
        answer = Answer(text=_written(made, asked) if text is None else text, truncated=truncated)
        scores = list(made.score([(asked, answer)], **handed))
        if len(scores) != 1:
            message = f"the scorer {type(made).__name__} returned {len(scores)} scores for 1 answer"
            return {"fault": message}
        (score,) = scores
        return {"value": float(score.value), "parsed": bool(score.parsed), "cause": score.cause}

    return scored


def _written(scorer: Scorer, item: Item) -> str:
    """An item's own answer as the scorer expects answers to be written."""
    write = getattr(scorer, "written", None)
    return item.target if write is None else str(write(item))
