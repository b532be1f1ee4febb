"""Draws one split from its source, within its lane of the hash space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest, seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.params import DataParams, Lane
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.items import Item, in_lane

PATIENCE = 3000
"""Draws without a new item after which a procedural group counts as exhausted."""


def data(context: Context[DataParams]) -> None:
    """Writes the items of a split; for feedback, the shown and the hidden part."""
    params = context.params
    source: Source = context.make(params.source)
    drawn = draw(source, params.draw, role=params.role, lane=params.lane, seed=params.seed)
    for port, items in _ports(params, drawn).items():
        context.write_rows(port, "items.jsonl", items)
    context.record(items=len(drawn), groups=len({item.group for item in drawn}))


def draw(source: Source, amount: Draw, *, role: str, lane: Lane, seed: int) -> list[Item]:
    """The items of a split. A larger amount keeps all items of a smaller one.

    Raises:
        StageError: the source holds fewer items in this lane than asked for.
    """
    groups = source.groups()
    streams = {group: _in_lane(source, group, lane, seed) for group in groups}
    if amount.per_group is None and not source.procedural:
        everything = [item for group in groups for item in streams[group]]
        everything.sort(key=lambda item: _rank(seed, item))
        return _take(iter(everything), amount.items or 0, role, "the source")
    drawn = []
    for index, group in enumerate(groups):
        count = amount.per_group
        if count is None:  # an amount in all is shared out evenly, the first groups get the rest
            whole, rest = divmod(amount.items or 0, len(groups))
            count = whole + (index < rest)
        drawn += _take(streams[group], count, role, f"group '{group}'")
    return drawn


def _rank(seed: int, item: Item) -> str:
    return digest("rank", [seed, item.id])


def _in_lane(source: Source, group: str, lane: Lane, seed: int) -> Iterator[Item]:
    stream = source.stream(group, seed_from("data", seed, group))
    if source.procedural:
        return _fresh(stream, lane, seed)
    inside = [item for item in stream if in_lane(seed, item.cluster, lane)]
    return iter(sorted(inside, key=lambda item: _rank(seed, item)))


def _fresh(stream: Iterator[Item], lane: Lane, seed: int) -> Iterator[Item]:
    """New items of an endless stream, until it gives none for a long time."""
    seen: set[str] = set()
    idle = 0
    while idle < PATIENCE:
        item = next(stream)
        idle += 1
        if item.id not in seen and in_lane(seed, item.cluster, lane):
            seen.add(item.id)
            idle = 0
            yield item


def _take(stream: Iterator[Item], count: int, role: str, where: str) -> list[Item]:
    taken = list(islice(stream, count))
    if len(taken) < count:
        message = (
            f"{where} has only {len(taken)} distinct items for '{role}', which asks for {count}"
        )
        remedy = f"draw fewer items, raise 'share' of '{role}', or name a larger source"
        raise StageError(message, help=remedy)
    return taken


def _ports(params: DataParams, drawn: Sequence[Item]) -> dict[str, list[Item]]:
    """The items of each port."""
    if params.role != "feedback":
        return {params.role: list(drawn)}
    assert params.show is not None
    chosen = _chosen(drawn, params.show, params.seed)
    shared: set[str] = set()
    if params.parts == "by-cluster":
        # Where clusters may span groups, one that a group shows is shown by all.
        shared = set().union(*chosen.values())
    shown_ids = {item.id for item in drawn if item.cluster in chosen[item.group]}
    shown = []
    for group in sorted(chosen):
        members = [item for item in drawn if item.group == group]
        for item in members:
            # A question that two groups hold appears once.
            joins = item.cluster in shared and item.id not in shown_ids
            if item.cluster in chosen[group] or joins:
                shown.append(item)
    hidden = [item for item in drawn if item.cluster not in shared and item.id not in shown_ids]
    return {"shown": shown, "hidden": hidden}


def _chosen(drawn: Sequence[Item], show: float, seed: int) -> dict[str, set[str]]:
    """The clusters that each group shows: the part of them that is first by hash."""
    chosen = {}
    for group in {item.group for item in drawn}:
        clusters = {item.cluster for item in drawn if item.group == group}
        ranked = sorted(clusters, key=lambda cluster: digest("show", [seed, cluster]))
        chosen[group] = set(ranked[: math.ceil(show * len(ranked))])
    return chosen
