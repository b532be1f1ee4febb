"""An answer's calls and those that an item accepts, as scorers of calls compare them."""

from __future__ import annotations

from dataclasses import dataclass

from dataenvgym_spec.gym.tasks.calling.accepted import AcceptedCall
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, UnreadableCall
from dataenvgym_spec.gym.tasks.calling.reading import Notation, Prose, calls_of
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item

UNREADABLE = Score(value=0.0, parsed=False, cause="UnreadableCall")
"""The score of an answer that tries to call something and does not say what."""
SILENT = Score(value=0.0, parsed=False)
"""The score of an answer that says nothing of calls, where it has to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How answers are read: how calls are written, and what a text without any is."""

    notation: Notation
    prose: Prose

    def read(self, item: Item, answer: Answer) -> list[ToolCall] | Score:
        """The calls of an answer, or its score if it has none that can be read."""
        try:
            calls = calls_of(
                answer.text, item.tools, notation=self.notation, truncated=answer.truncated
            )
        except UnreadableCall:
            return UNREADABLE
        if calls is not None:
            return calls
        return [] if self.prose == "no-call" and answer.text.strip() else SILENT


def accepted_of(item: Item, *, alternatives: bool = True) -> list[list[AcceptedCall]]:
    """What an item accepts, one list of calls an alternative.

    The verifier says so in `calls`, with the values accepted of each argument. Without one the
    item's target does, and those that are accepted beside it.

    Raises:
        ValueError: they cannot be read.
    """
    if "calls" in item.verifier:
        return [[AcceptedCall.parse(row) for row in item.verifier["calls"]]]
    golds = item.golds if alternatives else (item.target,)
    return [_gold(gold, item) for gold in golds]


def _gold(text: str, item: Item) -> list[AcceptedCall]:
    tools = {tool.name: tool for tool in item.tools}
    calls = calls_of(text, item.tools) or []
    return [AcceptedCall.exactly(call, tools.get(call.name)) for call in calls]
