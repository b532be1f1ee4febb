"""Which value of a spec a stage's parameter comes from. Pure.

The parameter `policy.power` of a plan is `agent.policy.power` of the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import REFERRED, Part
from dataenvgym_spec.language.spec import Experiment
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.merge import KeyPath

_WRITTEN: Final[dict[KeyPath, KeyPath]] = {
    ("observe",): ("agent", "observe"),
    ("score",): ("task", "score"),
    ("wrong_gold",): ("task", "wrong_gold"),
    ("template",): ("student", "prompt", "template"),
    ("chat",): ("student", "prompt"),
    ("generate",): ("student", "generate"),
    ("train",): ("student", "train"),
    ("policy",): ("agent", "policy"),
    ("environment",): ("environment",),
    ("fraction",): ("data_from", "fraction"),
    ("equal_steps",): ("data_from", "length"),
    ("replay",): ("loop", "replay"),
    ("start",): ("loop", "start_from"),
    ("amount",): ("loop", "teach", "examples"),
    ("engine",): ("agent", "engine"),
    ("discover",): ("skills", "discover"),
    ("may_read",): ("skills", "teacher_may_read"),
    ("patience",): ("loop", "stop", "patience"),
    ("lane",): ("task", "splits"),
    ("lanes",): ("task", "splits"),
    ("splits_seed",): ("seeds", "splits"),
    ("model",): ("student", "model"),
    ("by",): ("select", "by"),
    ("ties",): ("select", "ties"),
}
"""Where a spec says what a parameter is, of any stage kind."""
_SPLIT: Final = ("draw", "show")
"""Parameters of a stage that draws a split, and of the split in the spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """The beginning of a parameter's path, and where the spec says that."""

    length: int
    path: KeyPath


def place(kind: str, params: dict[str, Any], path: KeyPath, arm: Arm) -> KeyPath | None:
    """The path in the spec of a stage's parameter; None if it comes from nowhere in particular.

    Args:
        kind: the stage kind.
        params: the stage's parameters.
        path: of the parameter.
        arm: an arm that uses the stage.
    """
    origin = _origin(kind, params, path, arm.experiment)
    if origin is None:
        return None
    # Settings of generation and training hold components deeper than where they are written.
    outer = KINDS[kind].params.held(path)
    if outer is None:
        return (*origin.path, *path[origin.length :])
    written = (*origin.path, *path[origin.length : outer.length])
    return _option_place(arm.experiment, outer.slot, written, path[outer.length :])


def _option_place(experiment: Experiment, slot: str, written: KeyPath, rest: KeyPath) -> KeyPath:
    """Where a component's option is written; of one that it names, at the place of that name."""
    options = _at(experiment, written)
    part = _part(slot, options, rest)
    if part is None:
        return (*written, *rest)
    name = _at(options, part.path)
    if part.by == "value":
        below = (*written, *part.path)
    elif isinstance(name, str):
        below = (*REFERRED[part.slot], name)
    else:  # the spec of today no longer refers to one
        return (*written, *rest)
    return _option_place(experiment, part.slot, below, rest[len(part.path) :])


def _origin(
    kind: str, params: dict[str, Any], path: KeyPath, experiment: Experiment
) -> _Origin | None:
    if path == ("seed",):
        return _Origin(length=1, path=("seeds", KINDS[kind].params.seeded))
    if path[0] == "source":
        return _Origin(length=1, path=_source_of(experiment, params["role"]))
    if path[0] in ("sources", "apart") and len(path) > 1:
        return _Origin(length=2, path=_source_of(experiment, path[1]))
    if path[0] == "checks" and len(path) > 1:
        return _Origin(length=2, path=("agent", "checks", path[1]))
    if path[0] in _SPLIT and "role" in params:
        return _Origin(length=1, path=("task", "splits", params["role"], path[0]))
    if path[:1] in _WRITTEN:
        return _Origin(length=1, path=_WRITTEN[path[:1]])
    return None


def _source_of(experiment: Experiment, role: str) -> KeyPath:
    """The source that a split is drawn from."""
    return (*REFERRED["source"], getattr(experiment.task.splits, role).from_)


# --- components ---------------------------------------------------------------------------------


def slot_within(kind: str, params: Mapping[str, Any], path: KeyPath) -> str | None:
    """The slot of a component at any depth: that of `engine.teacher` is `teacher`.

    Args:
        kind: the stage kind.
        params: the stage's parameters, with components that are given as a list by their kind.
        path: of a component.
    """
    outer = KINDS[kind].params.held(path)
    if outer is None:
        return None
    options = _at(params, path[: outer.length])
    return _follow(outer.slot, options, path[outer.length :])


def _follow(slot: str, options: Any, rest: KeyPath) -> str | None:
    """The slot of a component's part, of a part of that, and so on."""
    while rest:
        part = _part(slot, options, rest)
        if part is None:
            return None
        slot = part.slot
        options = _at(options, part.path)
        rest = rest[len(part.path) :]
    return slot


def _part(slot: str, options: Any, rest: KeyPath) -> Part | None:
    """The part of a component that a path within its options leads to or through."""
    if not isinstance(options, Mapping) or "kind" not in options:
        return None
    for part in definition(slot, options["kind"]).parts:
        if part.path == rest[: len(part.path)]:
            return part
    return None


def _at(tree: Any, path: KeyPath) -> Any:
    """What is at a path of records and mappings; None if nothing is."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, Mapping) else getattr(tree, step, None)
    return tree
