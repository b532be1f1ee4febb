"""Which items of a source are drawn into a split, within its lane of the hash space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest, seed_from
from dataenvgym_spec.execute.gold import Gold
from dataenvgym_spec.graph.params import Lane
from dataenvgym_spec.gym.tasks.drawing import fresh
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.items import Item, in_lane


def draw(
    source: Source,
    amount: Draw,
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
    if amount.per_group is None and not source.procedural:
        everything = [item for group in groups for item in streams[group]]
        everything.sort(key=lambda item: _rank(seed, item))
        count = amount.items or 0
        return _first(_taken(iter(everything), count, gold, "the source"), count, role)
    counts = _counts(amount, groups)
    taken = {}
    for group in groups:
        taken[group] = _taken(streams[group], counts[group], gold, f"group '{group}'")
    if any(len(taken[group]) < counts[group] for group in groups):
        raise _too_few(taken, counts, amount, role)
    return [item for group in groups for item in taken[group]]


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
