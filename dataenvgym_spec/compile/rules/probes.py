"""Other test sets have what they ask for, and can be kept apart from what is taught."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import Supply, supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import WHOLE, lanes


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Probes that ask for more than their source has, or that no lane keeps apart."""
    for name, probe in arm.experiment.task.splits.probes.items():
        source = supply(arm, probe.from_)
        if source is None:
            continue
        place = ("task", "splits", "probes", name)
        size = _size(source, probe.draw)
        if isinstance(probe.draw, Draw) and size is not None:
            wanted = probe.draw.items or probe.draw.per_group or 0
            if wanted > size:
                each = "" if probe.draw.items else " a group"
                message = f"the probe '{name}' asks for {wanted} items{each}, and '{source.name}'"
                node = arm.node.at((*place, "draw"))
                yield node.fault("E202", f"{message} has {size}", "draw fewer, or 'all'")
        if source.declared.procedural:
            yield from _of_makers(arm, name, source)


def _size(source: Supply, draw: Draw | str) -> int | None:
    """How many items there are at most, in all or of the smallest group; None if not known."""
    if isinstance(draw, str):
        return None
    if draw.per_group is not None:
        sizes = [size for size in source.sizes.values() if size is not None]
        return min(sizes, default=None)
    return None if source.file is None else source.file.rows


def _of_makers(arm: Arm, name: str, source: Supply) -> Iterator[Diagnostic]:
    """A source without end: of all of it nothing is a test set, and lanes keep problems apart."""
    splits = arm.experiment.task.splits
    node = arm.node.at(("task", "splits", "probes", name, "from"))
    if isinstance(splits.probes[name].draw, str):
        message = f"'{source.name}' makes problems without end, so the probe '{name}' cannot be all"
        yield node.fault("E202", message, "ask for a number: draw: {items: N}")
    elif lanes(arm)["test"] == WHOLE:
        message = f"the probe '{name}' draws from '{source.name}', of which the test has no share"
        help = (
            "let the test draw a number of items, or take the probe from a source that has an end"
        )
        yield node.fault("E202", message, help)
