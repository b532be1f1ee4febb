"""Plans of several steps, in their order: which tools, with which arguments, with which values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dataenvgym_spec.gym.tasks.calling.accepted import (
    MAY_BE_LEFT_OUT,
    AcceptedCall,
    Texts,
    all_match,
    same_name,
)
from dataenvgym_spec.gym.tasks.calling.answers import Rule, accepted_of
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall
from dataenvgym_spec.gym.tasks.calling.reading import Notation, Prose
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item

Depth = Literal["names", "parameters", "values"]


class Plans:
    """Right when the steps of the answer are those of the item, one after the other.

    Args of the constructor:
        notation: how calls are written; see `calling.reading`.
        prose: what a text without calls is.
        texts: how texts among the values are compared.
        depth: what of a step counts: which tool, also which arguments, or also their values.
        alternatives: whether the other targets of an item are right, too.
    """

    def __init__(
        self, *, notation: Notation, prose: Prose, texts: Texts, depth: Depth, alternatives: bool
    ) -> None:
        self.rule = Rule(notation=notation, prose=prose)
        self.texts, self.depth, self.alternatives = texts, depth, alternatives

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        calls = self.rule.read(item, answer)
        if isinstance(calls, Score):
            return calls
        accepted = accepted_of(item, alternatives=self.alternatives)
        right = any(self._same(calls, plan, item) for plan in accepted)
        return Score(value=float(right), parsed=True)

    def _same(self, calls: Sequence[ToolCall], plan: Sequence[AcceptedCall], item: Item) -> bool:
        if self.depth == "values":
            tools = {tool.name: tool for tool in item.tools}
            return all_match(calls, plan, tools, in_order=True, texts=self.texts)
        if len(calls) != len(plan):
            return False
        steps = list(zip(calls, plan, strict=True))
        if not all(same_name(call.name, wanted.name) for call, wanted in steps):
            return False
        return self.depth == "names" or all(_parameters_fit(*step) for step in steps)


def _parameters_fit(call: ToolCall, wanted: AcceptedCall) -> bool:
    """Whether a call has the arguments that are accepted, whatever their values."""
    known = set(wanted.arguments)
    needed = {name for name, values in wanted.arguments.items() if MAY_BE_LEFT_OUT not in values}
    return needed <= set(call.arguments) <= known
