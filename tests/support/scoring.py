"""Judges fixed answers by a scorer of a spec, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from dataenvgym_spec.gym.tasks.protocol import Answer, Score, Scorer
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import Item
from tests.support.golden import component, make


@cache
def _made(kind: str, options: tuple[tuple[str, Any], ...]) -> Scorer:
    return made_scorer(kind, **dict(options))


def made_scorer(kind: str, **options: Any) -> Scorer:
    """A scorer with these options, and the defaults of the others."""
    properties = definition("scorer", kind).schema["properties"]
    defaults = {name: one["default"] for name, one in properties.items() if "default" in one}
    made: Scorer = make("scorer", component("scorer", kind, **defaults | options))
    return made


def judged(
    kind: str, pairs: Sequence[tuple[str, str]], *, truncated: bool = False, **options: Any
) -> list[Score]:
    """Scores of answers to targets, of `(target, answer)`."""
    given = []
    for target, text in pairs:
        item = Item(id="1", input="q", target=target, group="g", cluster="c")
        given.append((item, Answer(text=text, truncated=truncated)))
    return list(_made(kind, tuple(options.items())).score(given))


def right(kind: str, target: str, text: str, **options: Any) -> bool:
    """Whether an answer to a target is right."""
    (score,) = judged(kind, [(target, text)], **options)
    return score.correct
