"""What the splits of a task keep for themselves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection

from dataenvgym_spec.records.items import Form, Item, form_or_usual, in_lane, question_id
from dataenvgym_spec.records.record import Record


class Kept(Record, frozen=True, kw_only=True):
    """What one split keeps: a lane of the hash space, or ids where the items can be listed.

    Attributes:
        lane: `[low, high)`.
        items: sorted.
        ngrams: the hashes of the n-grams of each question, by the length of an n-gram in words.
        images: the perceptual hashes of the items' images, sorted.
    """

    lane: tuple[float, float] | None = None
    items: tuple[str, ...] | None = None
    ngrams: dict[str, tuple[tuple[int, ...], ...]] | None = None
    images: tuple[str, ...] | None = None

    def holds(self, identity: str) -> bool:
        """Whether an id is among those that are listed."""
        ids = self.items or ()
        place = bisect_left(ids, identity)
        return place < len(ids) and ids[place] == identity


class Reserve(Record, frozen=True, kw_only=True):
    """What examples must keep clear of, by role; `reserve.json`.

    Attributes:
        form: what of a question does not count; left out where it is the usual one.
    """

    seed: int
    roles: dict[str, Kept]
    form: Form | None = None

    def holder(self, item: Item, roles: Collection[str]) -> str | None:
        """Which of some roles an item is reserved for."""
        asked = {role: kept for role, kept in self.roles.items() if role in roles}
        for role, kept in asked.items():
            if kept.lane is not None and in_lane(self.seed, item.cluster, kept.lane):
                return role
        # A source may tell items apart that ask the same, so the question counts too.
        asks = question_id(item, form_or_usual(self.form))
        for role, kept in asked.items():
            if kept.holds(item.id) or kept.holds(asks):
                return role
        return None
