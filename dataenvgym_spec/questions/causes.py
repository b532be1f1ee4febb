"""Why a stage is what it is now, in words: the first thing that changed since it was made, and the line that says so. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.provenance import Path, place
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.merge import show_path

_COMPONENTS: Final = {
    "policy": "policy",
    "engine": "engine",
    "teacher": "teacher",
    "discover": "skill discovery",
    "score": "scorer",
    "source": "source",
    "model": "student model",
    "adapter": "adapter",
}
"""Parameters that hold a component, and what a person calls it. A check is told by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A parameter that was another; None stands for one that was not there."""

    path: Path
    old: Any
    new: Any


def changes(old: Any, new: Any, path: Path = ()) -> list[Change]:
    """What differs between two parameter trees, by path; a component of another kind is one change.

    >>> changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 2}})
    [Change(path=('a', 'b'), old=1, new=2)]
    """
    old, new = _named(old), _named(new)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else [Change(path=path, old=old, new=new)]
    if old.get("kind") != new.get("kind"):
        return [Change(path=(*path, "kind"), old=old.get("kind"), new=new.get("kind"))]
    return [
        found
        for key in sorted({*old, *new})
        for found in changes(old.get(key), new.get(key), (*path, key))
    ]


def _named(value: Any) -> Any:
    """A list of components as a mapping by kind."""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(item, dict) and "kind" in item for item in value)
    ):
        return {item["kind"]: item for item in value}
    return value


def cause(
    stage: Stage, before: dict[str, Any], specs: Sequence[Resolved], experiment: str
) -> str | None:
    """The first difference to what stood at a stage's place before; None if only what it reads differs.

    Args:
        stage: the stage as it is compiled now.
        before: the `stage.json` of what stood there.
        specs: where values were written; without the experiment's spec, no line is told.
        experiment: the name of the experiment.
    """
    found = changes(before.get("params"), stage.params)
    if found:
        arm = _arm(stage, specs, experiment)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return _told(_first(found), stage, arm) + more
    if before.get("semantics") != stage.declaration.semantics:
        return f"the stage kind `{stage.kind}` has a new version: {before.get('semantics')} -> {stage.declaration.semantics}"
    return None


def _first(found: list[Change]) -> Change:
    """What a person set comes before what follows from it."""
    return min(found, key=lambda change: change.path[0] in ("lane", "lanes"))


def _arm(stage: Stage, specs: Sequence[Resolved], experiment: str) -> Arm | None:
    names = [use.arm for use in stage.uses if use.experiment == experiment]
    return next(
        (
            arm
            for spec in specs
            if spec.base.name == experiment
            for arm in spec.arms
            if arm.name in names
        ),
        None,
    )


def _told(change: Change, stage: Stage, arm: Arm | None) -> str:
    path, where = _written(change, stage, arm)
    if change.path[-1] == "semantics":
        version = f"{_short(change.old)} -> {_short(change.new)}"
        return f"{_component(stage, change.path[:-1]) or stage.kind} has a new version: {version}"
    if (
        arm is not None
        and path is not None
        and (file := arm.references.get(tuple(path))) is not None
        and file.path
    ):
        return f"the file {file.path} changed{where}"
    values = f"{_short(change.old)} -> {_short(change.new)}"
    if change.path[-1] == "kind":
        return f"{_slot(change.path[:-1])} changed: {values}{where}"
    component = _component(stage, change.path[:-1])
    if component:
        return f"{component} changed: `{change.path[-1]}` {values}{where}"
    return f"`{show_path(path or change.path)}` changed: {values}{where}"


def _component(stage: Stage, path: Path) -> str:
    """What a person calls the component that a parameter belongs to: policy `allocate`. Empty if it belongs to none."""
    part = stage.params
    for step in path:
        part = _named(part).get(step, {}) if isinstance(_named(part), dict) else {}
    if not isinstance(part, dict) or "kind" not in part:
        return ""
    return f"{_slot(path)} `{part['kind']}`"


def _slot(path: Path) -> str:
    if len(path) > 1 and path[-2] == "checks":
        return "check"
    return _COMPONENTS.get(
        path[-1], "source" if len(path) > 1 and path[-2] == "sources" else path[-1]
    )


def _written(change: Change, stage: Stage, arm: Arm | None) -> tuple[Path | None, str]:
    """The value's path in the spec, and the place where it stands as `, file:line`; of a default or a removed one, the mapping's."""
    path = place(stage.kind, stage.params, change.path, arm) if arm is not None else None
    if path is None or arm is None:
        return None, ""
    node = arm.node.at(path)
    return path, f", {node.span.file}:{node.span.line}" if node is not arm.node else ""


def _short(value: Any) -> str:
    text = (
        "nothing"
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."
