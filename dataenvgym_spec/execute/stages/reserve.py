"""What generated examples must keep clear of.

Hashes of every item that a split holds or could hold when it grows.
"""

from __future__ import annotations

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.params import Lane, ReserveParams
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.records.items import in_lane, item_id
from dataenvgym_spec.records.splits import Kept, Reserve


def reserve(context: Context[ReserveParams]) -> None:
    """Writes the lanes and, for finite sources, the identities of the items in them.

    A procedural source cannot be listed, so whatever falls into the lane of a split is reserved; of
    a finite source only what it holds.
    """
    params = context.params
    roles = {}
    for role, lane in params.lanes.items():
        source: Source = context.make(params.sources[role])
        if source.procedural:
            roles[str(role)] = Kept(lane=lane)
        else:
            roles[str(role)] = Kept(items=_items(source, params.seed, lane))
    context.write("hashes", "reserve.json", Reserve(seed=params.seed, roles=roles))


def _items(source: Source, seed: int, lane: Lane) -> tuple[str, ...]:
    found = set()
    for group in source.groups():
        for item in source.stream(group, 0):
            if in_lane(seed, item.cluster, lane):
                # An example is known by its question, whatever the source adds to tell items apart.
                found |= {item.id, item_id(item.input)}
    return tuple(sorted(found))
