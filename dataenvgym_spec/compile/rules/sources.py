"""Whether sources hold what an arm asks of them: columns, skills, items for splits, problems to teach. Reports; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

from dataenvgym_spec.compile.rules.capacity import capacity
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.spec import Split
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.files import File

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
                said = (
                    f"only some rows of '{file.path}' have"
                    if column in file.table.others
                    else f"no row of '{file.path}' has"
                )
                help = (
                    suggest(column, file.table.columns)
                    if file.table.columns
                    else "name a file whose rows have it"
                )
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
        yield arm.node.at(("task", "sources", name, "fields")).fault(
            "E204", message, "add 'group:' with the column of the gold skill"
        )
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
    known = (
        file.table.columns.get(str(source.get("fields", {}).get("group")))
        if file is not None and file.table is not None
        else None
    )
    return dict(known or {})


def _draws(arm: Arm, lanes: Lanes) -> Iterator[Diagnostic]:
    """Splits that ask for more than a source can hold, each by itself and then side by side."""
    told: set[str] = set()
    for role, (low, high) in lanes.items():
        split, share = getattr(arm.experiment.task.splits, role), high - low
        source = arm.experiment.task.sources.get(split.from_, {})
        for asked in _asked(arm, split, source):
            expected = share * asked.size
            # A lane holds a binomial number of items; half as many again as its mean plus four deviations is out of reach. Clusters come
            # whole, and a few large ones may well share a lane.
            reach = (
                asked.size
                if "cluster" in source.get("fields", {})
                else 1.5 * expected + 4 * sqrt(expected)
            )
            if asked.wanted > asked.size:
                message = f"'{role}' asks for {asked.wanted} {asked.what}, but {asked.where} has {asked.size}"
            elif asked.wanted > reach:
                message = f"'{role}' asks for {asked.wanted} {asked.what}: of the {asked.size} of {asked.where}, a share of {share:.2f} is about {expected:.0f}"
            else:
                continue
            told.add(role)
            help = f"draw fewer, raise 'share' of '{role}', or {_larger(source)}"
            yield arm.node.at(("task", "splits", role, "draw")).fault("E202", message, help)
    yield from _together(
        arm,
        [
            role
            for role in lanes
            if role not in told and getattr(arm.experiment.task.splits, role).same_as is None
        ],
    )


def _together(arm: Arm, roles: list[str]) -> Iterator[Diagnostic]:
    """Splits that each could be drawn and that their source cannot give side by side: no item is in two of them."""
    task = arm.experiment.task
    drawing: dict[str, list[str]] = {}
    for role in roles:
        held = {
            key: value
            for key, value in task.sources.get(getattr(task.splits, role).from_, {}).items()
            if key != "fields"
        }
        drawing.setdefault(json.dumps(held, sort_keys=True), []).append(role)
    for sharing in drawing.values():
        yield from _exceeding(arm, sharing, _asked) or _exceeding(arm, sharing, _in_all)


def _exceeding(
    arm: Arm, roles: list[str], asks: Callable[[Arm, Split, dict[str, Any]], Iterator[_Asked]]
) -> list[Diagnostic]:
    """What several splits of one source ask for in sum, where it is more than there is."""
    splits = arm.experiment.task.splits
    found: dict[tuple[str, str], list[tuple[str, _Asked]]] = {}
    for role in roles:
        split = getattr(splits, role)
        for asked in asks(arm, split, arm.experiment.task.sources.get(split.from_, {})):
            found.setdefault((asked.what, asked.where), []).append((role, asked))
    out = []
    for (what, where), parts in found.items():
        wanted, size, names = (
            sum(asked.wanted for _, asked in parts),
            min(asked.size for _, asked in parts),
            [f"'{role}'" for role, _ in parts],
        )
        if len(parts) > 1 and wanted > size:
            message = f"{', '.join(names[:-1])} and {names[-1]} ask for {wanted} {what} together, but {where} has {size}"
            help = f"draw fewer, or {_larger(arm.experiment.task.sources[getattr(splits, parts[-1][0]).from_])}"
            out.append(
                arm.node.at(("task", "splits", parts[-1][0], "draw")).fault("E202", message, help)
            )
    return out


def _larger(source: dict[str, Any]) -> str:
    return "widen the family" if "families" in source else "name a larger source"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a split asks of a source: how many, of what, how many there are at most, and where."""

    wanted: int
    what: str
    size: int
    where: str


def _asked(arm: Arm, split: Split, source: dict[str, Any]) -> Iterator[_Asked]:
    """What a split asks of each group, or of all together where it does not ask by group."""
    what, groups, file = _items(source), _groups(arm, split.from_, source), _file(arm, split.from_)
    if split.draw.per_group is None or not groups:
        yield from _in_all(arm, split, source)
        return
    where = f"'{file.path}'" if file is not None else "the family"
    for name, size in groups.items():
        if size is not None:
            yield _Asked(
                wanted=split.draw.per_group, what=f"{what} of '{name}'", size=size, where=where
            )


def _in_all(arm: Arm, split: Split, source: dict[str, Any]) -> Iterator[_Asked]:
    """What a split asks of a source whose size is known, whatever the group."""
    groups, file = _groups(arm, split.from_, source), _file(arm, split.from_)
    wanted = split.draw.items or (split.draw.per_group or 0) * max(1, len(groups))
    sizes = [size for size in groups.values() if size is not None]
    if file is not None and file.rows is not None:
        yield _Asked(wanted=wanted, what=_items(source), size=file.rows, where=f"'{file.path}'")
    elif sizes and len(sizes) == len(groups):
        yield _Asked(wanted=wanted, what=_items(source), size=sum(sizes), where=f"'{split.from_}'")


def _items(source: dict[str, Any]) -> str:
    return "problems" if "families" in source else "items"


def _teaching(arm: Arm, lanes: Lanes) -> Iterator[Diagnostic]:
    """More distinct examples than the teacher's families have problems that no split keeps for itself."""
    task, loop, agent = arm.experiment.task, arm.experiment.loop, arm.experiment.agent
    teacher = arm.experiment.teachers.get(str(agent.engine.get("teacher")), {})
    families = task.sources.get(str(teacher.get("source")), {}).get("families", {})
    sizes = [size for family in families.values() if (size := capacity(family)) is not None]
    if (
        agent.checks.get("duplicate", {}).get("action") != "reject"
        or not sizes
        or len(sizes) < len(families)
    ):
        return
    overlap = agent.checks.get("overlap", {"action": "off"})
    kept = {lanes[role] for role in overlap["against"]} if overlap["action"] == "reject" else set()
    wanted, total = loop.teach.examples * loop.iterations, sum(sizes)
    free = total * max(0.0, 1 - sum(high - low for low, high in kept))
    if wanted > (
        min(total, free + 4 * sqrt(free)) if free else total
    ):  # without any left, `meaning` says that the shares are too large
        less = f", of which about {free:.0f} are no split's" if kept else ""
        message = f"{loop.iterations} iterations of {loop.teach.examples} distinct examples are {wanted}, but the families have {total} problems{less}"
        yield arm.node.at(("loop", "teach", "examples")).fault(
            "E202", message, "teach fewer, or widen the families"
        )
