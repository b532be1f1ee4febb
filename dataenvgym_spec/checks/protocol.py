"""What a check is given and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from dataenvgym_spec.tasks.item import Item, Scorer, in_lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What examples must keep clear of; see the stage kind `reserve`."""

    seed: int
    lanes: dict[str, list[float]]
    items: dict[str, frozenset[str]]

    @classmethod
    def of(cls, content: dict[str, Any]) -> Reserve:
        """From the content of `reserve.json`."""
        roles = content["roles"]
        return cls(
            seed=content["seed"],
            lanes={role: part["lane"] for role, part in roles.items() if "lane" in part},
            items={role: frozenset(part["items"]) for role, part in roles.items() if "items" in part},
        )

    def holder(self, item: Item) -> str | None:
        """The role that an item is reserved for."""
        for role, lane in self.lanes.items():
            if in_lane(self.seed, item.cluster, lane):
                return role
        return next((role for role, ids in self.items.items() if item.id in ids), None)


@dataclass(slots=True, kw_only=True)
class Bench:
    """What checks may look at: the task's scorer, what was accepted so far, what is reserved."""

    scorer: Scorer
    accepted: set[str] = field(default_factory=set)
    reserve: Reserve | None = None


class Check(Protocol):
    """Judges one candidate."""

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
