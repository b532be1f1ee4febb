"""What a skill discovery is: it finds the skills of a task, and says which one an item needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import SkillMap


class Discovered(SkillMap, frozen=True, kw_only=True):
    """The skills that a discovery found, and the skill of every item that it was shown.

    The list of names is closed: whatever is assigned later is assigned to one of them, or to the
    fallback.

    Attributes:
        memory: what else `assign` has to know, as JSON values.
        fallback: the skill of items of which nothing better is known, if there may be such. It is
            one of `skills` only where an item that was shown has it: a skill of no such item would
            get examples, of nothing. Others that have it are then left out.
    """

    memory: dict[str, Any] | None = None
    fallback: str | None = None

    @classmethod
    def of(cls, items: Mapping[str, str], **more: Any) -> Discovered:
        """With the skills that some items have, in the order of the alphabet.

        Args:
            items: the skill of each item, by its id.
            more: other fields.
        """
        return cls(skills=tuple(sorted(set(items.values()))), items=dict(items), **more)


class Discovery(Protocol):
    """Finds the skills of a task.

    It works in two steps, which are stages of their own. The first is handed the shown items of
    feedback, or the pool, and makes names, descriptions and groups. The second is handed what the
    first one wrote, and a single item at a time; of what it says of an item nothing goes on but
    the name. Each item is assigned by a copy of its own, and some are assigned once more in
    another order: a discovery that answers otherwise then carries something from item to item and
    is refused.

    A discovery that asks a language model holds it as `teacher` and has `read`.
    """

    def discover(self, items: Sequence[Item]) -> Discovered:
        """The skills that some items need.

        Where its definition says that skills are `groups` of the source, it is handed the hidden
        items too, with nothing but their ids and groups.

        Raises:
            StageError: no skill can be made of them.
        """

    def assign(self, item: Item, skills: Discovered) -> str | Ask:
        """The name of the skill that an item needs, or a question that a teacher answers.

        It is one of the skills that were found, or their fallback.

        Raises:
            StageError: the item has no skill, and none is stated for such ones.
        """


class AskingDiscovery(Discovery, Protocol):
    """A discovery that asks a language model."""

    teacher: Teacher

    def read(self, reply: Reply, skills: Discovered) -> str:
        """The name of the skill that a reply to the question about an item gives."""
