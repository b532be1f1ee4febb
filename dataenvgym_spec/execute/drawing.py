"""Which items of a source are drawn into a split, within its lane of the hash space."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest, seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.gold import Gold
from dataenvgym_spec.graph.params import Lane
from dataenvgym_spec.gym.tasks.drawing import fresh
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.items import WORDS, Form, Item, form_or_usual, in_lane, question_id

HELD: Final = "items of earlier splits"
"""What items are called that a source has and a split must not have."""


def draw(
    source: Source,
    amount: Draw | Literal["all"],
    *,
    role: str,
    lane: Lane,
    seed: int,
    gold: Gold | None = None,
) -> list[Item]:
    """The items of a split. A larger amount keeps all items of a smaller one.

    Args:
        source: what is drawn from.
        amount: how many.
        role: the split's.
        lane: its part of the hash space.
        seed: of the splits.
        gold: what judges gold answers; only items whose own is right are drawn.

    Raises:
        StageError: the source holds fewer items in this lane than asked for, or too many of them
            have a gold answer that the scorer finds wrong.
    """
    groups = source.groups()
    streams = {group: _in_lane(source, group, lane, seed) for group in groups}
    if amount == "all" or (amount.per_group is None and not source.procedural):
        everything = [item for group in groups for item in streams[group]]
        everything.sort(key=lambda item: _rank(seed, item))
        if amount == "all":
            taken = _taken(iter(everything), len(everything), gold, "the source")
            # A split without any item is a mistake, whatever was asked for.
            return taken or _first(taken, 1, role)
        count = amount.items or 0
        return _first(_taken(iter(everything), count, gold, "the source"), count, role)
    counts = _counts(amount, groups)
    shares = {}
    for group in groups:
        shares[group] = _taken(streams[group], counts[group], gold, f"group '{group}'")
    if any(len(shares[group]) < counts[group] for group in groups):
        raise _too_few(shares, counts, amount, role)
    return [item for group in groups for item in shares[group]]


def _taken(items: Iterator[Item], count: int, gold: Gold | None, where: str) -> list[Item]:
    """The first items of a stream, less those whose gold answer is wrong."""
    return list(islice(items, count) if gold is None else gold.sound(items, count, where))


def _counts(amount: Draw, groups: Sequence[str]) -> dict[str, int]:
    """How many items each group gives."""
    if amount.per_group is not None:
        return dict.fromkeys(groups, amount.per_group)
    # An amount in all is shared out evenly; the first groups give the rest.
    whole, rest = divmod(amount.items or 0, len(groups))
    return {group: whole + (index < rest) for index, group in enumerate(groups)}


def _rank(seed: int, item: Item) -> str:
    return digest("rank", [seed, item.id])


def _in_lane(source: Source, group: str, lane: Lane, seed: int) -> Iterator[Item]:
    stream = source.stream(group, seed_from("data", seed, group))
    if source.procedural:
        low, high = lane
        return fresh(stream, lambda item: in_lane(seed, item.cluster, lane), high - low)
    inside = [item for item in stream if in_lane(seed, item.cluster, lane)]
    return iter(sorted(inside, key=lambda item: _rank(seed, item)))


def _first(items: list[Item], count: int, role: str) -> list[Item]:
    if len(items) < count:
        raise StageError(
            f"the source has only {len(items)} distinct items for '{role}', which asks for {count}",
            help=_remedy(len(items), "in all", role),
        )
    return items[:count]


def _too_few(
    taken: Mapping[str, Sequence[Item]], counts: Mapping[str, int], amount: Draw, role: str
) -> StageError:
    """What is missing in all groups, and the largest amount that all of them can give."""
    short = [group for group in taken if len(taken[group]) < counts[group]]
    first, *others = short
    message = (
        f"group '{first}' has only {len(taken[first])} distinct items for '{role}', "
        f"which asks for {counts[first]}"
    )
    if others:
        listed = ", ".join(f"'{group}' {len(taken[group])}" for group in others)
        message += f"; too few are also in: {listed}"
    possible = min(len(taken[group]) for group in short)
    if amount.per_group is not None:
        return StageError(message, help=_remedy(possible, "per group", role))
    return StageError(message, help=_remedy(possible * len(taken), "in all", role))


def _remedy(possible: int, what: str, role: str) -> str:
    fewer = "leave out the groups without items"
    if possible:
        fewer = f"draw at most {possible} {what}"
    return f"{fewer}, raise 'share' of '{role}', or name a larger source"


class Apart:
    """A source without what others hold: their items, and whatever is in a cluster with one."""

    def __init__(self, source: Source, held: frozenset[str], form: Form = WORDS) -> None:
        self.source, self.held, self.form = source, held, form
        self.procedural = source.procedural
        self.clusters: set[str] = set()
        self.skipped = dict(getattr(source, "skipped", {}))
        self.images = getattr(source, "images", None)
        if not source.procedural:
            every = _every(source)
            self.clusters = {item.cluster for item in every if is_held(item, held, form)}
            self.skipped[HELD] = sum(item.cluster in self.clusters for item in every)

    def groups(self) -> list[str]:
        """The groups of the source."""
        return self.source.groups()

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """The items of one group that nobody else holds."""
        for item in self.source.stream(group, seed):
            is_ours = item.cluster not in self.clusters
            if is_ours and not is_held(item, self.held, self.form):
                yield item


def _every(source: Source) -> list[Item]:
    """The items of a source that has an end."""
    streams = (source.stream(group, 0) for group in source.groups())
    return list(chain.from_iterable(streams))


def is_held(item: Item, held: Container[str], form: Form = WORDS) -> bool:
    """Whether an item, its question or its cluster is among those that are held."""
    return item.id in held or item.cluster in held or question_id(item, form) in held


def held_apart(context: Context[Any], seed: int) -> frozenset[str]:
    """What a stage must not draw: items, questions and clusters that other splits could hold.

    What a procedural source could give cannot be listed.
    """
    held: set[str] = set()
    form = form_or_usual(context.params.form)
    for role, component in (context.params.apart or {}).items():
        source: Source = context.make(component)
        lane = context.params.apart_lanes[role]
        for item in [] if source.procedural else _every(source):
            if in_lane(seed, item.cluster, lane):
                held |= {item.id, item.cluster, question_id(item, form)}
    return frozenset(held)
