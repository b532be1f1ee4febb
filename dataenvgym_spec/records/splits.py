"""What the splits of a task keep for themselves."""

from __future__ import annotations

from collections.abc import Collection

from dataenvgym_spec.records.items import Item, in_lane
from dataenvgym_spec.records.record import Record


class Kept(Record, frozen=True, kw_only=True):
    """What one split keeps: a lane of the hash space, or ids where the source can be listed."""

    lane: tuple[float, float] | None = None
    items: tuple[str, ...] | None = None


class Reserve(Record, frozen=True, kw_only=True):
    """What examples must keep clear of, by role; `reserve.json`."""

    seed: int
    roles: dict[str, Kept]

    def holder(self, item: Item, roles: Collection[str]) -> str | None:
        """Which of some roles an item is reserved for."""
        asked = {role: kept for role, kept in self.roles.items() if role in roles}
        for role, kept in asked.items():
            if kept.lane is not None and in_lane(self.seed, item.cluster, kept.lane):
                return role
        for role, kept in asked.items():
            if item.id in (kept.items or ()):
                return role
        return None
