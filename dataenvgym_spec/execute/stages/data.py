"""Draws one split from its source, within its lane of the hash space."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest, seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.load import source
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item, in_lane

PATIENCE = 3000
"""Draws without a new item after which a procedural group counts as exhausted."""


def data(context: Context) -> None:
    """Writes the items of a split; for feedback, the shown and the hidden part."""
    params = context.params
    made = source(params["source"], context)
    drawn = draw(
        made, role=params["role"], lane=params["lane"], seed=params["seed"], **params["draw"]
    )
    for port, items in _ports(params, drawn).items():
        write_rows(context.out(port, "items.jsonl"), [item.row() for item in items])
    context.record(items=len(drawn), groups=len({item.group for item in drawn}))


def draw(
    made: Source,
    *,
    role: str,
    lane: list[float],
    seed: int,
    per_group: int | None = None,
    items: int | None = None,
) -> list[Item]:
    """The items of a split. A larger amount keeps all items of a smaller one.

    Raises:
        StageError: the source holds fewer items in this lane than asked for.
    """
    groups = made.groups()
    streams = {group: _in_lane(made, group, lane, seed) for group in groups}
    if per_group is not None:
        return [
            item
            for group in groups
            for item in _take(streams[group], per_group, role, f"group '{group}'")
        ]
    assert items is not None
    shares = {
        group: items // len(groups) + (index < items % len(groups))
        for index, group in enumerate(groups)
    }
    if made.procedural:
        return [
            item
            for group in groups
            for item in _take(streams[group], shares[group], role, f"group '{group}'")
        ]
    everything = sorted(
        (item for group in groups for item in streams[group]), key=lambda item: _rank(seed, item)
    )
    return _take(iter(everything), items, role, "the source")


def _rank(seed: int, item: Item) -> str:
    return digest("rank", [seed, item.id])


def _in_lane(made: Source, group: str, lane: list[float], seed: int) -> Iterator[Item]:
    stream = made.stream(group, seed_from("data", seed, group))
    if not made.procedural:
        return iter(
            sorted(
                (item for item in stream if in_lane(seed, item.cluster, lane)),
                key=lambda item: _rank(seed, item),
            )
        )
    return _fresh(stream, lane, seed)


def _fresh(stream: Iterator[Item], lane: list[float], seed: int) -> Iterator[Item]:
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
        raise StageError(
            f"{where} has only {len(taken)} distinct items for '{role}', which asks for {count}",
            help=f"draw fewer items, raise 'share' of '{role}', or name a larger source",
        )
    return taken


def _ports(params: dict[str, object], drawn: list[Item]) -> dict[str, list[Item]]:
    if params["role"] != "feedback":
        return {str(params["role"]): drawn}
    chosen = _chosen(drawn, float(str(params["show"])), params["seed"])
    groups = sorted(chosen)
    # Where clusters may span groups: one that a group shows is shown by all.
    clusters = (
        {cluster for found in chosen.values() for cluster in found}
        if params.get("parts") == "by-cluster"
        else set()
    )
    ids = {item.id for item in drawn if item.cluster in chosen[item.group]}
    # A question that two groups hold appears once.
    shown = [
        item
        for group in groups
        for item in drawn
        if item.group == group and (item.cluster in chosen[group] or _joins(item, clusters, ids))
    ]
    return {
        "shown": shown,
        "hidden": [item for item in drawn if item.cluster not in clusters and item.id not in ids],
    }


def _joins(item: Item, clusters: set[str], ids: set[str]) -> bool:
    return item.cluster in clusters and item.id not in ids


def _chosen(drawn: list[Item], show: float, seed: object) -> dict[str, set[str]]:
    """The clusters that each group shows: the part of them that is first by hash."""
    out = {}
    for group in {item.group for item in drawn}:
        ranked = sorted(
            {item.cluster for item in drawn if item.group == group},
            key=lambda cluster: digest("show", [seed, cluster]),
        )
        out[group] = set(ranked[: math.ceil(show * len(ranked))])
    return out
