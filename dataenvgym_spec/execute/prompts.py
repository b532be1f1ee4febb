"""The prompts of a stage, as its parameters say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.gold import SHOWN
from dataenvgym_spec.execute.media import image_files
from dataenvgym_spec.graph.params import EvaluateParams, TrainParams
from dataenvgym_spec.gym.prompt import Prompts
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.records.items import Item

Prompting = Context[EvaluateParams] | Context[TrainParams]


def prompts_of(context: Prompting) -> Prompts:
    """The prompts that a student is asked, in training and in evaluation.

    Raises:
        StageError: there are fewer items than are to be asked and answered before.
    """
    params = context.params
    chat = params.chat
    if chat is None:
        return Prompts(params.template, file=image_files(context))
    shots: Sequence[Item] = ()
    if chat.few_shot is not None:
        shots = first(_shown(context), chat.few_shot.count)
    return Prompts(
        params.template,
        chat=True,
        system=chat.system or "",
        shots=shots,
        thinking=chat.thinking,
        file=image_files(context),
    )


def _shown(context: Prompting) -> list[Item]:
    """The items of which some are asked and answered before each question."""
    if context.params.shots is None:
        return context.all("shots", "items.jsonl", Item)
    source: Source = context.make(context.params.shots)
    streams = [source.stream(group, 0) for group in source.groups()]
    return list(chain.from_iterable(streams))


def require_unseen(shots: Sequence[Item], asked: Iterable[Item]) -> None:
    """Checks that no prompt shows the answer to what is asked.

    The pool is apart from all splits; another source may hold what a split holds, too.

    Raises:
        StageError: one is shown.
    """
    asked = list(asked)
    free = {item.id for item in unseen(shots, asked)}
    for item in asked:
        if item.id not in free:
            message = "'student.prompt.few_shot' shows an item that a split asks"
            remedy = "take it out of the source that is shown, or write 'from: pool'"
            raise StageError(f"{message}: {item.input[:SHOWN]!r}", help=remedy)


def unseen(shots: Sequence[Item], items: Iterable[Item]) -> list[Item]:
    """The items that no prompt shows."""
    shown = {shot.id for shot in shots} | {shot.input for shot in shots}
    return [item for item in items if item.id not in shown and item.input not in shown]


def first(items: Sequence[Item], count: int) -> list[Item]:
    """The first items, of each group in turn.

    Raises:
        StageError: there are fewer.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    turns = chain.from_iterable(zip_longest(*groups.values()))
    taken = list(islice(filter(None, turns), count))
    if len(taken) < count:
        message = f"'student.prompt.few_shot' asks for {count} items, and there are {len(taken)}"
        raise StageError(message, help=f"set 'count' to {len(taken)} at most, or give it more")
    return taken
