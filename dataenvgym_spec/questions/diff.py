"""What differs in meaning between two specs, and which stages that touches. Pure; text is made in `cli/diff.py`.

Texts are not compared: two specs that say the same in other words, files or orders have no difference, and a prompt that moved
to another file without a change has none either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.ir import Entry, Graph, Stage, Use
from dataenvgym_spec.language.source import Json
from dataenvgym_spec.questions.explain import plain
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.files import File
from dataenvgym_spec.resolve.lanes import DEFAULT_SHARES
from dataenvgym_spec.resolve.merge import KeyPath

Effect = Literal["changed", "added", "removed"]
Place = tuple[str, int, int | None, str]
"""Arm, seed, iteration and what is done: where a stage stands in an experiment."""

KEYLESS: Final = frozenset({"name", "description", "analysis", "limits", "version"})
"""Sections that no stage's key reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value on one side. Without a `span` nobody set it: it is a default, or if `absent` there is none."""

    value: Json = None
    span: Span | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that differs, in the arms named. `keyed`: whether a stage's key can depend on it."""

    path: KeyPath
    old: Value
    new: Value
    arms: tuple[str, ...]
    keyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChange:
    """Stages of one kind that change. `iterations` lists those they stand in; None is outside of the loop."""

    kind: str
    effect: Effect
    count: int
    iterations: tuple[int | None, ...]
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two experiments compared.

    Attributes:
        old: the old experiment's name; None if it is new.
        new: the new experiment's name; None if it is gone.
        changes: the values that differ.
        common: the arms that both have.
        added: the arms only the new one has.
        removed: the arms only the old one has.
        stages: the stages that change.
        same: how many stages both have.
        total: how many stages the new one has; the old one, if it is gone.
    """

    old: str | None
    new: str | None
    changes: tuple[Change, ...] = ()
    common: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    stages: tuple[StageChange, ...] = ()
    same: int = 0
    total: int = 0

    @property
    def equal(self) -> bool:
        """Whether both mean the same."""
        return (
            not (self.changes or self.added or self.removed or self.stages)
            and self.old is not None
            and self.new is not None
        )


def diff(
    old: Sequence[Resolved], old_graph: Graph, new: Sequence[Resolved], new_graph: Graph
) -> tuple[Difference, ...]:
    """Compares the experiments of two specs: one with one, those of a sweep by what the matrix calls them.

    Args:
        old: the experiments of the old side.
        old_graph: their stages, shared.
        new: the experiments of the new side.
        new_graph: their stages, shared.
    """
    if len(old) == len(new) == 1:
        return (_compare(old[0], old_graph, new[0], new_graph),)
    before, after = ({_point(spec): spec for spec in side} for side in (old, new))
    pairs = [(before.get(point), after.get(point)) for point in dict.fromkeys([*before, *after])]
    return tuple(_either(left, old_graph, right, new_graph) for left, right in pairs)


def _point(spec: Resolved) -> str:
    return spec.base.name.removeprefix(spec.sweep or "")


def _either(
    old: Resolved | None, old_graph: Graph, new: Resolved | None, new_graph: Graph
) -> Difference:
    if old and new:
        return _compare(old, old_graph, new, new_graph)
    if old:
        return Difference(
            old=old.base.name,
            new=None,
            removed=tuple(arm.name for arm in old.arms),
            total=len(_entry(old, old_graph).stages),
        )
    assert new is not None
    return Difference(
        old=None,
        new=new.base.name,
        added=tuple(arm.name for arm in new.arms),
        total=len(_entry(new, new_graph).stages),
    )


def _entry(spec: Resolved, graph: Graph) -> Entry:
    return next(item for item in graph.entries if item.name == spec.base.name)


def _compare(old: Resolved, old_graph: Graph, new: Resolved, new_graph: Graph) -> Difference:
    before, after = ({arm.name: arm for arm in spec.arms} for spec in (old, new))
    pairs = [(before[name], after[name]) for name in after if name in before]
    # Without an arm in common the first ones are compared: a spec that gets arms has an arm of another name.
    alike = pairs or [(old.arms[0], new.arms[0])]
    left, right = (
        list(old_graph.of(_entry(old, old_graph))),
        list(new_graph.of(_entry(new, new_graph))),
    )
    return Difference(
        old=old.base.name,
        new=new.base.name,
        changes=_changes(alike),
        common=tuple(arm.name for _, arm in pairs),
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        stages=_stage_changes(left, old.base.name, right, new.base.name),
        same=len({stage.id for stage in left} & {stage.id for stage in right}),
        total=len(right),
    )


# --- values -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A file in a tree of values: it is its content, wherever it lies."""

    content: str
    shown: str = field(compare=False)


_ABSENT: Final[Any] = object()


def _changes(pairs: Sequence[tuple[Arm, Arm]]) -> tuple[Change, ...]:
    """The values that differ; the same change in several arms is one."""
    found: list[Change] = []
    for old, new in pairs:
        for path, before, after in _differences(_tree(old), _tree(new), ()):
            change = Change(
                path=path,
                old=_value(old, path, before),
                new=_value(new, path, after),
                arms=(new.name,),
                keyed=path[0] not in KEYLESS,
            )
            known = next(
                (
                    index
                    for index, other in enumerate(found)
                    if replace(other, arms=change.arms) == change
                ),
                None,
            )
            if known is None:
                found.append(change)
            else:
                found[known] = replace(change, arms=(*found[known].arms, new.name))
    return tuple(sorted(found, key=lambda change: not change.keyed))


def _tree(arm: Arm) -> dict[str, Any]:
    """One arm in full, with files as what they hold, and with the shares that splits own unless they say so."""
    whole: dict[str, Any] = plain(arm)
    for path, file in arm.references.items():
        holder: Any = whole
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = _Named(content=file.content, shown=_file(file, str(holder[path[-1]])))
    for role, split in whole["task"]["splits"].items():
        if "same_as" not in split:
            split.setdefault("share", DEFAULT_SHARES[role])
    return whole


def _file(file: File, name: str) -> str:
    return f"{file.path or name} ({file.digest[:8]})" if file.digest else name


def _differences(old: Any, new: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Any]]:
    """Where two trees differ: a value, or a component that is of another kind, whole."""
    if isinstance(old, dict) and isinstance(new, dict) and old.get("kind") == new.get("kind"):
        for key in dict.fromkeys([*old, *new]):
            yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), (*path, key))
    elif not _same(old, new):
        yield path, old, new


def _same(old: Any, new: Any) -> bool:
    if _ABSENT in (old, new) or isinstance(old, _Named) or isinstance(new, _Named):
        return bool(old == new)
    return canonical(_shown(old)) == canonical(
        _shown(new)
    )  # 1 and 1.0 are two values of an option, as they are in a key


def _shown(value: Any) -> Json:
    """A value as JSON, files by name."""
    if isinstance(value, _Named):
        return value.shown
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _value(arm: Arm, path: KeyPath, value: Any) -> Value:
    """A value and where it was written. Of one that is not there, the place is the `null` that removed it."""
    if value is _ABSENT:
        removed = (layer.tree.find(*path) for layer in reversed(arm.layers))
        return Value(
            span=next((node.span for node in removed if node and node.value is None), None),
            absent=True,
        )
    node = arm.node.find(*path)
    return Value(
        value=_shown(value),
        span=(node.key if isinstance(node.value, dict) else node.span) if node else None,
    )


# --- stages -----------------------------------------------------------------------------------------------------------


def _stage_changes(
    old: Sequence[Stage], old_name: str, new: Sequence[Stage], new_name: str
) -> tuple[StageChange, ...]:
    before, after = {stage.id for stage in old}, {stage.id for stage in new}
    places_before = {_place(use) for stage in old for use in _uses(stage, old_name)}
    places_after = {_place(use) for stage in new for use in _uses(stage, new_name)}
    found: dict[tuple[str, Effect], list[Stage]] = {}
    for stage in new:
        if stage.id not in before:
            known = any(_place(use) in places_before for use in _uses(stage, new_name))
            found.setdefault((stage.kind, "changed" if known else "added"), []).append(stage)
    for stage in old:
        if stage.id not in after and not any(
            _place(use) in places_after for use in _uses(stage, old_name)
        ):
            found.setdefault((stage.kind, "removed"), []).append(stage)
    names: dict[Effect, str] = {"changed": new_name, "added": new_name, "removed": old_name}
    return tuple(
        _stage_change(kind, effect, stages, names[effect])
        for (kind, effect), stages in found.items()
    )


def _stage_change(kind: str, effect: Effect, stages: Sequence[Stage], name: str) -> StageChange:
    uses = [use for stage in stages for use in _uses(stage, name)]
    iterations = sorted(
        {use.iteration for use in uses}, key=lambda number: (number is None, number or 0)
    )
    return StageChange(
        kind=kind,
        effect=effect,
        count=len(stages),
        iterations=tuple(iterations),
        arms=tuple(dict.fromkeys(use.arm for use in uses)),
    )


def _uses(stage: Stage, experiment: str) -> list[Use]:
    return [use for use in stage.uses if use.experiment == experiment]


def _place(use: Use) -> Place:
    return (use.arm, use.seed, use.iteration, use.what)
