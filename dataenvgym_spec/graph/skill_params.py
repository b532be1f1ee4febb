"""The parameters of the stage kinds that name skills; those of the others are in `params`."""

from __future__ import annotations

from typing import ClassVar, Literal

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.parameters import Params


class SkillsParams(Params, frozen=True, kw_only=True):
    """How skills are found."""

    slots: ClassVar = {"discover": "discovery"}

    discover: Component

    @property
    def of_source(self) -> bool:
        """Whether the skills are the groups of the source, of which no item says anything."""
        return self.discover.of_groups

    @property
    def refused(self) -> frozenset[str]:
        """Hidden items, unless the skills are known without looking at any."""
        return frozenset() if self.of_source else frozenset({"hidden"})


class AssignParams(Params, frozen=True, kw_only=True):
    """Who assigns items to skills that are found already."""

    slots: ClassVar = {"discover": "discovery"}

    discover: Component


class LabelParams(Params, frozen=True, kw_only=True):
    """Who assigns the items of a split that no agent sees to skills that are found already.

    Attributes:
        split: whose items they are, and the name of the port.
        may_read: the splits that a teacher may read; left out where none is asked.
    """

    slots: ClassVar = {"discover": "discovery"}

    split: Literal["selection", "test"]
    discover: Component
    may_read: tuple[Literal["selection", "test"], ...] | None = None

    @property
    def refused(self) -> frozenset[str]:
        """What a spec does not say that a teacher may read, if one is asked."""
        if not self.discover.asks_teacher:
            return frozenset()
        return frozenset({"selection", "test"} - {*(self.may_read or ())})
