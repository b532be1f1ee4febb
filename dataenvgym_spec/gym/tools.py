"""What an executor hands to an agent's components besides what they work on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import WORDS, Form, Item, item_id, question_id
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.plans import Request, ShownError

if TYPE_CHECKING:
    from dataenvgym_spec.gym.environments.contract import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a policy or an engine may use.

    Attributes:
        seed: derived from the run's seed, the iteration and the round. Whoever draws, draws from
            it, so that a stage that is run again gives the same.
        errors: the errors of the student that prompts may show, by skill.
        contract: what a policy may say in this state; None for an engine.
        groups: how many of the items that a skill was made of are in which group of the source, by
            skill; none where skills are the groups.
        scorer: the scorer of the task, for an engine that is declared to judge answers.
        existing: the examples that the arm has so far, for an engine that is declared to know them.
        form: what of a question does not count, as the kind of the task declares; see `item_id`.
        images: takes the images that an engine makes for its examples.
        pictures: what errors are about, by their ids, where a policy shows that to a teacher.
        file: where the file of an image is that an error shows.
    """

    seed: int
    errors: Mapping[str, tuple[ShownError, ...]] = field(default_factory=dict)
    contract: Contract | None = None
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    scorer: Scorer | None = None
    existing: Sequence[Example] = ()
    form: Form = WORDS
    images: Images = field(default_factory=Images)
    pictures: Mapping[str, tuple[Picture, ...]] = field(default_factory=dict)
    file: Callable[[Picture], Path] | None = None

    def random(self) -> random.Random:
        """A generator of its own, seeded."""
        return random.Random(self.seed)

    def item_id(self, question: str) -> str:
        """The identity of a question in this task, that is a text; see `records.items.item_id`."""
        return item_id(question, form=self.form)

    def identified(self, item: Item) -> Item:
        """An item with the identity of what it asks in this task, and a cluster of its own."""
        identity = question_id(item, self.form)
        return msgspec.structs.replace(item, id=identity, cluster=identity)

    def shown(self, request: Request) -> tuple[ShownError, ...]:
        """The errors that a prompt for a request may show.

        They are those that it names or, where it names none, those of its skill.
        """
        if request.show is None:
            return self.errors.get(request.skill, ())
        named = {error.id: error for errors in self.errors.values() for error in errors}
        return tuple(named[name] for name in request.show if name in named)
