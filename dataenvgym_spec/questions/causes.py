"""Why a stage is what it is now, in words: what changed since it was made, and the line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.core.shown import NOTHING, shown_apart
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.provenance import place, slot_within
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.merge import KeyPath, show_path

WORDS: Final = {"discovery": "skill discovery", "model": "student model"}
"""What a person calls the component of a slot, where it is not the slot's name."""
DERIVED: Final = ("images", "lane", "lanes", "ngrams", "trainer")
"""Parameters that no person set: they follow from others, or are always the same."""
LONGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamChange:
    """A parameter that was another; None stands for one that was not there."""

    path: KeyPath
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """Where the spec says what a parameter is: the path in it, and the place for a message."""

    path: KeyPath | None = None
    place: str = ""


def changes(old: Any, new: Any, path: KeyPath = ()) -> list[ParamChange]:
    """What differs between two parameter trees, by path; a component of another kind is one change.

    >>> changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 2}})
    [ParamChange(path=('a', 'b'), old=1, new=2)]
    """
    old, new = _named(old), _named(new)
    if not isinstance(old, dict) or not isinstance(new, dict):
        # As in a key, 1 and 1.0 are two values.
        same = canonical(old) == canonical(new)
        return [] if same else [ParamChange(path=path, old=old, new=new)]
    if old.get("kind") != new.get("kind"):
        path = (*path, "kind")
        return [ParamChange(path=path, old=old.get("kind"), new=new.get("kind"))]
    different: list[ParamChange] = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        different += changes(before, after, (*path, key))
    return different


def _named(value: Any) -> Any:
    """A list of components as a mapping by kind; anything else as it is."""
    if not isinstance(value, list) or not value:
        return value
    # In order of judging: without names, one check more would change all that come after it.
    if not all(isinstance(item, dict) and "kind" in item for item in value):
        return value
    return {item["kind"]: item for item in value}


def cause(
    stage: Stage, before: dict[str, Any], specs: Sequence[Resolved], experiment: str
) -> str | None:
    """The first difference from what was at a stage's place before; None if only its inputs differ.

    Args:
        stage: the stage as it is compiled now.
        before: the `stage.json` of what was there.
        specs: where values were written; without the experiment's spec, no line is named.
        experiment: the name of the experiment.
    """
    different = changes(before.get("params"), stage.plain)
    if different:
        # What a person set comes before what follows from it.
        first = min(different, key=lambda change: change.path[0] in DERIVED)
        more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
        return _describe(first, stage, _arm(stage, specs, experiment)) + more
    old, new = before.get("semantics"), stage.declaration.semantics
    if old != new:
        return f"the stage kind `{stage.kind}` has a new version: {old} -> {new}"
    return None


def _arm(stage: Stage, specs: Sequence[Resolved], experiment: str) -> Arm | None:
    """An arm of the experiment that uses the stage."""
    names = [use.arm for use in stage.uses if use.experiment == experiment]
    for spec in specs:
        if spec.base.name != experiment:
            continue
        for arm in spec.arms:
            if arm.name in names:
                return arm
    return None


def _describe(change: ParamChange, stage: Stage, arm: Arm | None) -> str:
    # None is a parameter that was not there.
    ends = [NOTHING if value is None else value for value in (change.old, change.new)]
    values = " -> ".join(shown_apart(ends, LONGEST))
    *outer, last = change.path
    holder = tuple(outer)
    component = _component(stage, holder)
    if last == "semantics":
        return f"{component or stage.kind} has a new version: {values}"
    written = _written(change, stage, arm) if arm else _Written()
    # A file that a person named is told by its name; its content would not fit into a line.
    if arm and written.path in arm.references:
        file = arm.references[written.path].path
        if file:
            return f"the file {file} changed{written.place}"
    if last == "kind":
        return f"{_slot(stage, holder)} changed: {values}{written.place}"
    if component:
        return f"{component} changed: `{last}` {values}{written.place}"
    name = show_path(written.path or change.path)
    return f"`{name}` changed: {values}{written.place}"


def _component(stage: Stage, path: KeyPath) -> str:
    """What a person calls a component: policy `allocate`. Empty if the parameter holds none."""
    part: Any = stage.plain
    for step in path:
        part = _named(part)
        part = part.get(step, {}) if isinstance(part, dict) else {}
    if not isinstance(part, dict) or "kind" not in part:
        return ""
    return f"{_slot(stage, path)} `{part['kind']}`"


def _slot(stage: Stage, path: KeyPath) -> str:
    """What a person calls what is plugged in at a path."""
    params = {name: _named(value) for name, value in stage.plain.items()}
    slot = slot_within(stage.kind, params, path) or path[-1]
    return WORDS.get(slot, slot)


def _written(change: ParamChange, stage: Stage, arm: Arm) -> _Written:
    """Where the spec has a value; a default or a removed one is placed at its mapping."""
    path = place(stage.kind, stage.plain, change.path, arm)
    if path is None:
        return _Written()
    path = _of_baseline(path, stage)
    node = arm.node.at(path)
    if node is arm.node:
        return _Written(path=path)
    span = node.span
    return _Written(path=path, place=f", {span.file}:{span.line}")


def _of_baseline(path: KeyPath, stage: Stage) -> KeyPath:
    """The place of a prompt that stands among the baselines."""
    name = stage.uses[0].baseline if stage.uses else None
    if name is None or path[:2] != ("student", "prompt"):
        return path
    return ("baselines", name, "prompt", *path[2:])
