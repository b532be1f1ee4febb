"""What generated examples must keep clear of: hashes of every item that a split holds or could hold when it grows."""

from __future__ import annotations

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.load import source
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.items import in_lane


def reserve(context: Context) -> None:
    """Writes the lanes and, for finite sources, the identities of the items in them.

    A procedural source cannot be listed, so whatever falls into the lane of a split is reserved; of a finite source only
    what it holds.
    """
    params = context.params
    out = {}
    for role, lane in params["lanes"].items():
        made = source(params["sources"][role], context)
        if made.procedural:
            out[role] = {"lane": lane}
        else:
            items = (item for group in made.groups() for item in made.stream(group, 0))
            out[role] = {
                "items": sorted(
                    item.id for item in items if in_lane(params["seed"], item.cluster, lane)
                )
            }
    write_json(context.out("hashes", "reserve.json"), {"seed": params["seed"], "roles": out})
