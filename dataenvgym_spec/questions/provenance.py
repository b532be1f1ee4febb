"""Which value of a spec a stage's parameter comes from: `policy.power` of a plan is `agent.policy.power`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dataenvgym_spec.language.spec import Experiment
from dataenvgym_spec.resolve.arms import Arm

Path = tuple[str, ...]


def _source(name: str) -> Path:
    return ("task", "sources", name)


def _split(experiment: Experiment, role: str) -> Path:
    return _source(getattr(experiment.task.splits, role).from_)


def _teacher(experiment: Experiment) -> str:
    return str(experiment.agent.engine["teacher"])


_Root = Callable[[Experiment, dict[str, Any]], Path]
_ANY: Final[dict[Path, _Root]] = {
    ("observe",): lambda _e, _p: ("agent", "observe"),
    ("score",): lambda _e, _p: ("task", "score"),
    ("template",): lambda _e, _p: ("student", "prompt", "template"),
    ("generate",): lambda _e, _p: ("student", "generate"),
    ("train",): lambda _e, _p: ("student", "train"),
    ("policy",): lambda _e, _p: ("agent", "policy"),
    ("amount",): lambda _e, _p: ("loop", "teach", "examples"),
    ("engine", "teacher", "source"): lambda e, _p: _source(e.teachers[_teacher(e)]["source"]),
    ("engine", "teacher"): lambda e, _p: ("teachers", _teacher(e)),
    ("engine",): lambda _e, _p: ("agent", "engine"),
    ("discover",): lambda _e, _p: ("skills", "discover"),
    ("patience",): lambda _e, _p: ("loop", "stop", "patience"),
    ("lane",): lambda _e, _p: ("task", "splits"),
    ("lanes",): lambda _e, _p: ("task", "splits"),
    ("seed",): lambda _e, _p: ("seeds", "run"),
    ("splits_seed",): lambda _e, _p: ("seeds", "splits"),
    ("model", "pretrain", "source"): lambda e, _p: _source(e.student.model["pretrain"]["source"]),
    ("model",): lambda _e, _p: ("student", "model"),
    ("by",): lambda _e, _p: ("select", "by"),
    ("ties",): lambda _e, _p: ("select", "ties"),
}
_OF_KIND: Final[dict[str, dict[Path, _Root]]] = {
    "data": {
        ("source",): lambda e, p: _split(e, p["role"]),
        ("draw",): lambda _e, p: ("task", "splits", p["role"], "draw"),
        ("show",): lambda _e, p: ("task", "splits", p["role"], "show"),
        ("seed",): lambda _e, _p: ("seeds", "splits"),
    },
    "reserve": {("seed",): lambda _e, _p: ("seeds", "splits")},
    "student": {("seed",): lambda _e, _p: ("seeds", "student")},
}


def place(kind: str, params: dict[str, Any], path: Path, arm: Arm) -> Path | None:
    """The path in the spec of a stage's parameter; None if it comes from nowhere in particular.

    Args:
        kind: the stage kind.
        params: the stage's parameters.
        path: of the parameter.
        arm: an arm that uses the stage.
    """
    if kind == "check" and path[0] == "checks" and len(path) > 1:
        return ("agent", "checks", *path[1:])
    if kind == "reserve" and path[0] == "sources" and len(path) > 1:
        return (*_split(arm.experiment, path[1]), *path[2:])
    table = {**_ANY, **_OF_KIND.get(kind, {})}
    for length in range(len(path), 0, -1):
        if path[:length] in table:
            return (*table[path[:length]](arm.experiment, params), *path[length:])
    return None
