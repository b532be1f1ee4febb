"""Generated examples: an item with its history, and what the checks made of it."""

from __future__ import annotations

import msgspec

from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request
from dataenvgym_spec.records.record import Record


class Provenance(Record, frozen=True, kw_only=True):
    """Where an example comes from.

    Attributes:
        iteration: the turn of the loop, from 1 on.
        round: 0, or the number of the refill.
        agent_round: of the iteration, from 2 on; left out in the first.
        plan: the key of the plan that it was generated for.
        teacher: the kind of the teacher that wrote it, or of an engine that asks none or may be
            its own.
        request: its number among the candidates of the round.
        asks: the questions to teachers that it was made of, by their names in the stage's log.
        shown: the ids of the student's errors that the prompt showed.
        model: the language model that wrote its answer, as it calls itself.
    """

    iteration: int = 0
    round: int = 0
    plan: str = ""
    teacher: str = ""
    request: int = 0
    asks: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    model: str | None = None
    agent_round: int | None = None


class Example(Item, frozen=True, kw_only=True):
    """An item that an engine made.

    Attributes:
        skill: the skill that its request asks for.
        subskill: the part of the skill that its request asks for, if it does.
        request: the name of its request, where that is not the skill.
        provenance: where it comes from. An engine that asks a model says of what it was made;
            the executor adds the rest.
        rejected: a worse answer, for a training that compares two.
        notes: objections of checks that only record, by check.
    """

    skill: str
    subskill: str | None = None
    request: str | None = None
    provenance: Provenance | None = None
    rejected: str | None = None
    notes: dict[str, str] | None = None

    @classmethod
    def of(cls, item: Item, about: Request | str) -> Example:
        """An item as an example of what a request asks for, or only of a skill."""
        fields = {name: getattr(item, name) for name in ITEM_FIELDS}
        if isinstance(about, str):
            return cls(**fields, skill=about)
        named = None if about.id == about.skill else about.id
        return cls(**fields, skill=about.skill, subskill=about.subskill, request=named)

    @property
    def asked_by(self) -> str:
        """The name of the request that it counts for."""
        return self.request or self.skill

    @property
    def iteration(self) -> int:
        """That it was made in; 0 where nobody said."""
        return 0 if self.provenance is None else self.provenance.iteration

    def item(self) -> Item:
        """The question with its answer, without the history."""
        return Item(**{name: getattr(self, name) for name in ITEM_FIELDS})


ITEM_FIELDS = Item.__struct_fields__


class Rejected(Example, frozen=True, kw_only=True):
    """An example that a check rejected.

    Attributes:
        check: which check.
        reason: its objection.
    """

    check: str
    reason: str

    @classmethod
    def by(cls, example: Example, check: str, reason: str) -> Rejected:
        """An example with the objection that rejects it."""
        return cls(**msgspec.structs.asdict(example), check=check, reason=reason)


class Notes(Record, frozen=True, kw_only=True):
    """What checks recorded of an accepted example and nobody downstream may see."""

    id: str
    skill: str
    notes: dict[str, str]
