"""Calls of tools, exactly: as many as are accepted, each with values that are accepted."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.calling.accepted import Texts, all_match
from dataenvgym_spec.gym.tasks.calling.answers import Rule, accepted_of
from dataenvgym_spec.gym.tasks.calling.reading import Notation, Prose
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item


class Calls:
    """Right when the answer makes the calls that the item accepts, in any order, and no others.

    Where it accepts none, an answer is right that calls nothing.
    """

    def __init__(self, *, notation: Notation, prose: Prose, texts: Texts) -> None:
        self.rule = Rule(notation=notation, prose=prose)
        self.texts = texts

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        calls = self.rule.read(item, answer)
        if isinstance(calls, Score):
            return calls
        tools = {tool.name: tool for tool in item.tools}
        right = any(
            all_match(calls, accepted, tools, texts=self.texts) for accepted in accepted_of(item)
        )
        return Score(value=float(right), parsed=True)
