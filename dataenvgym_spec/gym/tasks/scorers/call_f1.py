"""Precision, recall and F1 of an answer's calls: of tools, their arguments, values or succession.

Of one answer, and averaged over answers; MnMs counts over all of them, and by tool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from dataenvgym_spec.gym.tasks.calling.accepted import (
    MAY_BE_LEFT_OUT,
    AcceptedCall,
    Texts,
    properties,
    same_name,
    value_fits,
)
from dataenvgym_spec.gym.tasks.calling.answers import Rule, accepted_of
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall
from dataenvgym_spec.gym.tasks.calling.reading import Notation, Prose
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item

Unit = Literal["names", "parameters", "values", "edges"]
Statistic = Literal["f1", "precision", "recall"]


class CallF1:
    """How much of the calls of an item an answer makes, and how much of its own is right.

    Args of the constructor:
        notation: how calls are written; see `calling.reading`.
        prose: what a text without calls is.
        texts: how texts among the values are compared.
        unit: what is counted.
        statistic: what is made of the counts.
    """

    def __init__(
        self, *, notation: Notation, prose: Prose, texts: Texts, unit: Unit, statistic: Statistic
    ) -> None:
        self.rule = Rule(notation=notation, prose=prose)
        self.texts, self.unit, self.statistic = texts, unit, statistic

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        calls = self.rule.read(item, answer)
        if isinstance(calls, Score):
            return calls
        found = [self._value(calls, accepted, item) for accepted in accepted_of(item)]
        return Score(value=max(found), parsed=True)

    def _value(
        self, calls: Sequence[ToolCall], accepted: Sequence[AcceptedCall], item: Item
    ) -> float:
        """The statistic, from 0 to 1; where neither side has anything to count, 1."""
        if self.unit == "names":
            counts = _shared(_names(calls), _names(accepted))
        elif self.unit == "edges":
            counts = _shared(_edges(calls), _edges(accepted))
        else:
            counts = self._arguments(calls, accepted, item)
        right, made, wanted = counts
        if not made and not wanted:
            return 1.0
        if self.statistic == "precision":
            return right / made if made else 0.0
        if self.statistic == "recall":
            return right / wanted if wanted else 0.0
        return 2 * right / (made + wanted)

    def _arguments(
        self, calls: Sequence[ToolCall], accepted: Sequence[AcceptedCall], item: Item
    ) -> tuple[int, int, int]:
        """Right, made and wanted arguments. A call without any counts for one.

        Each call is compared with one of the same tool that is accepted, the most alike first.
        """
        alike = []
        for number, call in enumerate(calls):
            for place, wanted in enumerate(accepted):
                if same_name(call.name, wanted.name):
                    alike.append((-len(self._right(call, wanted, item)), number, place))
        right, of_call, of_wanted = 0, set[int](), set[int]()
        left_out = 0
        for _, number, place in sorted(alike):
            if number in of_call or place in of_wanted:
                continue
            of_call.add(number)
            of_wanted.add(place)
            call, wanted = calls[number], accepted[place]
            good = self._right(call, wanted, item)
            bare = not call.arguments and not _needed(wanted)
            right += 1 if bare else len(good)
            left_out += len(good - _needed(wanted))
        made = sum(max(1, len(call.arguments)) for call in calls)
        wanted_in_all = sum(max(1, len(_needed(wanted))) for wanted in accepted)
        return right, made, wanted_in_all + left_out

    def _right(self, call: ToolCall, wanted: AcceptedCall, item: Item) -> set[str]:
        """The arguments of a call that are right."""
        named = call.arguments.keys() & wanted.arguments.keys()
        if self.unit == "parameters":
            return set(named)
        tool = next((tool for tool in item.tools if tool.name == wanted.name), None)
        known = properties({} if tool is None else tool.parameters)
        return {
            name
            for name in named
            if value_fits(call.arguments[name], wanted.arguments[name], known.get(name), self.texts)
        }


def _shared(made: Counter[str], wanted: Counter[str]) -> tuple[int, int, int]:
    return (made & wanted).total(), made.total(), wanted.total()


def _names(calls: Sequence[ToolCall | AcceptedCall]) -> Counter[str]:
    return Counter(call.name.replace(".", "_") for call in calls)


def _edges(calls: Sequence[ToolCall | AcceptedCall]) -> Counter[str]:
    return Counter(f"{one.name}--{other.name}".replace(".", "_") for one, other in pairwise(calls))


def _needed(wanted: AcceptedCall) -> set[str]:
    """The arguments that may not be left out."""
    return {name for name, values in wanted.arguments.items() if MAY_BE_LEFT_OUT not in values}
