"""Whether sources hold what an arm asks of them: columns, skills, items for splits, problems to teach. Reports; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

from dataenvgym_spec.capacity import capacity
from dataenvgym_spec.errors import Diagnostic, suggest
from dataenvgym_spec.resolve import Arm, File
from dataenvgym_spec.spec import Split

Lanes = dict[str, tuple[float, float]]


def check(arm: Arm, lanes: Lanes) -> Iterator[Diagnostic]:
    """All that is lacking in one arm.

    Args:
        arm: the arm.
        lanes: the part of the hash space that each role owns.
    """
    yield from _columns(arm)
    yield from _skills(arm)
    yield from _draws(arm, lanes)
    yield from _teaching(arm, lanes)


def _file(arm: Arm, source: str) -> File | None:
    """The file of a source that is one."""
    return arm.references.get(("task", "sources", source, "path"))


def _columns(arm: Arm) -> Iterator[Diagnostic]:
    for name, source in arm.experiment.task.sources.items():
        file = _file(arm, name)
        if file is None or file.table is None or "fields" not in source:
            continue
        place = arm.node.at(("task", "sources", name))
        if file.table.wrong:
            message = f"line {file.table.wrong} of '{file.path}' is no JSON object"
            yield place.at(("path",)).fault("E203", message, "write one JSON object per line")
            continue
        for field, column in source["fields"].items():
            if column not in file.table.columns:
                said = f"only some rows of '{file.path}' have" if column in file.table.others else f"no row of '{file.path}' has"
                help = suggest(column, file.table.columns) if file.table.columns else "name a file whose rows have it"
                yield place.at(("fields", field)).fault("E201", f"{said} a column '{column}'", help)


def _skills(arm: Arm) -> Iterator[Diagnostic]:
    """Gold skills: every item has one, and the teacher can write examples of it."""
    record = arm.experiment
    name = record.task.splits.feedback.from_
    source = record.task.sources.get(name, {})
    if record.skills.discover["kind"] != "gold":
        return
    if "fields" in source and "group" not in source["fields"]:
        message = f"'{record.environment}' needs skills, but the source '{name}' does not say which column names them"
        yield arm.node.at(("task", "sources", name, "fields")).fault("E204", message, "add 'group:' with the column of the gold skill")
        return
    teacher = record.teachers.get(str(record.agent.engine.get("teacher")), {})
    other = str(teacher.get("source"))
    families = record.task.sources.get(other, {}).get("families", {})
    lacking = sorted(set(_groups(arm, name, source)) - set(families)) if families else []
    if lacking:
        message = f"the teacher writes no examples of the skill '{lacking[0]}' of '{name}': '{other}' has no family of that name"
        help = f"call families as the groups are; {suggest(lacking[0], families)}"
        yield arm.node.at(("task", "splits", "feedback", "from")).fault("E204", message, help)


def _groups(arm: Arm, name: str, source: dict[str, Any]) -> dict[str, int | None]:
    """The groups of a source as far as they are known, and how many items each has at most."""
    if "families" in source:
        return {family: capacity(options) for family, options in source["families"].items()}
    file = _file(arm, name)
    known = file.table.columns.get(str(source.get("fields", {}).get("group"))) if file is not None and file.table is not None else None
    return dict(known or {})


def _draws(arm: Arm, lanes: Lanes) -> Iterator[Diagnostic]:
    """Splits that ask for more than their share of a source can hold."""
    for role, (low, high) in lanes.items():
        split, share = getattr(arm.experiment.task.splits, role), high - low
        source = arm.experiment.task.sources.get(split.from_, {})
        for wanted, what, size, where in _asked(arm, split, source):
            expected = share * size
            # A lane holds a binomial number of items; half as many again as its mean plus four deviations is out of reach. Clusters come
            # whole, and a few large ones may well share a lane.
            reach = size if "cluster" in source.get("fields", {}) else 1.5 * expected + 4 * sqrt(expected)
            if wanted > size:
                message = f"'{role}' asks for {wanted} {what}, but {where} has {size}"
            elif wanted > reach:
                message = f"'{role}' asks for {wanted} {what}: of the {size} of {where}, a share of {share:.2f} is about {expected:.0f}"
            else:
                continue
            help = f"draw fewer, raise 'share' of '{role}', or {'widen the family' if 'families' in source else 'name a larger source'}"
            yield arm.node.at(("task", "splits", role, "draw")).fault("E202", message, help)


def _asked(arm: Arm, split: Split, source: dict[str, Any]) -> Iterator[tuple[int, str, int, str]]:
    """What a split asks of a source: how many, of what, how many there are at most, and where."""
    what = "problems" if "families" in source else "items"
    groups = _groups(arm, split.from_, source)
    file = _file(arm, split.from_)
    if split.draw.per_group is not None and groups:
        where = f"'{file.path}'" if file is not None else "the family"
        yield from ((split.draw.per_group, f"{what} of '{name}'", size, where) for name, size in groups.items() if size is not None)
        return
    wanted = split.draw.items or split.draw.per_group or 0
    sizes = [size for size in groups.values() if size is not None]
    if file is not None and file.rows is not None:
        yield wanted, what, file.rows, f"'{file.path}'"
    elif sizes and len(sizes) == len(groups):
        yield wanted, what, sum(sizes), f"'{split.from_}'"


def _teaching(arm: Arm, lanes: Lanes) -> Iterator[Diagnostic]:
    """More distinct examples than the teacher's families have problems that no split keeps for itself."""
    task, loop, agent = arm.experiment.task, arm.experiment.loop, arm.experiment.agent
    teacher = arm.experiment.teachers.get(str(agent.engine.get("teacher")), {})
    families = task.sources.get(str(teacher.get("source")), {}).get("families", {})
    sizes = [size for family in families.values() if (size := capacity(family)) is not None]
    if agent.checks.get("duplicate", {}).get("action") != "reject" or not sizes or len(sizes) < len(families):
        return
    overlap = agent.checks.get("overlap", {"action": "off"})
    kept = {lanes[role] for role in overlap["against"]} if overlap["action"] == "reject" else set()
    wanted, total = loop.teach.examples * loop.iterations, sum(sizes)
    free = total * max(0.0, 1 - sum(high - low for low, high in kept))
    if wanted > (min(total, free + 4 * sqrt(free)) if free else total):  # without any left, `meaning` says that the shares are too large
        less = f", of which about {free:.0f} are no split's" if kept else ""
        message = f"{loop.iterations} iterations of {loop.teach.examples} distinct examples are {wanted}, but the families have {total} problems{less}"
        yield arm.node.at(("loop", "teach", "examples")).fault("E202", message, "teach fewer, or widen the families")
