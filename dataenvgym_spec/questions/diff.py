"""What differs in meaning between two specs, and which stages that touches. Pure.

Texts are not compared: two specs that say the same in other words, files or orders have no
difference, and a prompt that moved to another file without a change has none either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from dataenvgym_spec.compile.lower.noise import copies_of
from dataenvgym_spec.graph.ir import Graph, Stage, Use
from dataenvgym_spec.questions.values import ValueChange, changes
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.merge import KeyPath

StageEffect = Literal["changed", "added", "removed"]
UseKey = tuple[str, int, int | None, str]
"""Arm, seed, iteration and what is done: where a stage is in an experiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChange:
    """Stages of one kind that change. `iterations` lists theirs; None is outside of the loop."""

    kind: str
    effect: StageEffect
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
    changes: tuple[ValueChange, ...] = ()
    common: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    stages: tuple[StageChange, ...] = ()
    same: int = 0
    total: int = 0

    @property
    def equal(self) -> bool:
        """Whether both mean the same."""
        if self.old is None or self.new is None:
            return False
        return not (self.changes or self.added or self.removed or self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One experiment of a comparison, with its stages."""

    spec: Resolved
    stages: tuple[Stage, ...]

    @property
    def name(self) -> str:
        return self.spec.base.name

    @property
    def arms(self) -> dict[str, Arm]:
        return {arm.name: arm for arm in self.spec.arms}

    def uses(self, stage: Stage) -> list[Use]:
        """Where this experiment uses a stage."""
        return [use for use in stage.uses if use.experiment == self.name]


def diff(
    old: Sequence[Resolved], old_graph: Graph, new: Sequence[Resolved], new_graph: Graph
) -> tuple[Difference, ...]:
    """Compares the experiments of two specs, those of a sweep by what the matrix calls them.

    Args:
        old: the experiments of the old side.
        old_graph: their stages, shared.
        new: the experiments of the new side.
        new_graph: their stages, shared.
    """
    before = [_side(spec, old_graph) for spec in old]
    after = [_side(spec, new_graph) for spec in new]
    # Two single experiments are compared whatever they are called.
    if len(before) == len(after) == 1:
        return (_compare(before[0], after[0]),)
    left = {_point(side.spec): side for side in before}
    right = {_point(side.spec): side for side in after}
    points = dict.fromkeys([*left, *right])
    return tuple(_either(left.get(point), right.get(point)) for point in points)


def _side(spec: Resolved, graph: Graph) -> _Side:
    entry = next(item for item in graph.entries if item.name == spec.base.name)
    return _Side(spec=spec, stages=tuple(graph.of(entry)))


def _point(spec: Resolved) -> str:
    """What the matrix calls an experiment of a sweep."""
    return spec.base.name.removeprefix(spec.sweep or "")


def _either(old: _Side | None, new: _Side | None) -> Difference:
    if old and new:
        return _compare(old, new)
    if old:
        return Difference(old=old.name, new=None, removed=tuple(old.arms), total=len(old.stages))
    assert new is not None
    return Difference(old=None, new=new.name, added=tuple(new.arms), total=len(new.stages))


def _compare(old: _Side, new: _Side) -> Difference:
    before, after = old.arms, new.arms
    common = [name for name in after if name in before]
    pairs = [(before[name], after[name]) for name in common]
    # Without an arm in common the first ones are compared: a spec that gets arms has an arm of
    # another name.
    compared = pairs or [(old.spec.arms[0], new.spec.arms[0])]
    keys = {stage.id for stage in old.stages}
    return Difference(
        old=old.name,
        new=new.name,
        changes=_changes(old.spec, new.spec, compared),
        common=tuple(common),
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        stages=_stage_changes(old, new),
        same=len(keys & {stage.id for stage in new.stages}),
        total=len(new.stages),
    )


def _changes(
    old: Resolved, new: Resolved, compared: Sequence[tuple[Arm, Arm]]
) -> tuple[ValueChange, ...]:
    """The values that differ.

    Whoever names the student of the noise floor that it is by default says the same in other words.
    """
    found = changes(compared)
    before, after = copies_of(old), copies_of(new)
    if before is None or after is None:
        return found
    alike: dict[KeyPath, bool] = {
        ("noise", "of"): before.arm == after.arm,
        ("noise", "iteration"): before.iteration == after.iteration,
    }
    return tuple(change for change in found if not alike.get(change.path))


def _stage_changes(old: _Side, new: _Side) -> tuple[StageChange, ...]:
    """The stages that change, by kind; one with a counterpart at its position is not removed."""
    before, after = _positions(old), _positions(new)
    old_keys = {stage.id for stage in old.stages}
    new_keys = {stage.id for stage in new.stages}
    groups: dict[tuple[str, StageEffect], list[Stage]] = {}
    for stage in new.stages:
        if stage.id not in old_keys:
            effect: StageEffect = "changed" if _stands(new, stage, before) else "added"
            groups.setdefault((stage.kind, effect), []).append(stage)
    for stage in old.stages:
        if stage.id not in new_keys and not _stands(old, stage, after):
            groups.setdefault((stage.kind, "removed"), []).append(stage)
    changes = []
    for (kind, effect), stages in groups.items():
        side = old if effect == "removed" else new
        changes.append(_stage_change(kind, effect, stages, side))
    return tuple(changes)


def _positions(side: _Side) -> set[UseKey]:
    """Where the stages of an experiment are."""
    return {_position(use) for stage in side.stages for use in side.uses(stage)}


def _stands(side: _Side, stage: Stage, positions: Collection[UseKey]) -> bool:
    """Whether a stage is at one of some positions."""
    return any(_position(use) in positions for use in side.uses(stage))


def _position(use: Use) -> UseKey:
    return (use.arm, use.seed, use.iteration, use.what)


def _stage_change(
    kind: str, effect: StageEffect, stages: Sequence[Stage], side: _Side
) -> StageChange:
    uses = [use for stage in stages for use in side.uses(stage)]
    iterations = sorted({use.iteration for use in uses}, key=_outside_last)
    arms = tuple(dict.fromkeys(use.arm for use in uses))
    return StageChange(
        kind=kind, effect=effect, count=len(stages), iterations=tuple(iterations), arms=arms
    )


def _outside_last(iteration: int | None) -> tuple[bool, int]:
    """Sorts what is outside of the loop last."""
    return iteration is None, iteration or 0
