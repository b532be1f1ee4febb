"""From a spec file to complete experiment records: what it extends, matrix, arms, `--set`, files, defaults. No graph yet.

Precedence, lowest first: defaults, the files of `extends` in order, the spec, a point of the matrix, an arm, `--set`, and the
commits that a lock pins. What is needed of the world (a file's text or digest) is read in `files`, so that everything after it is pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from dataenvgym_spec.core.errors import Diagnostic, SpecError
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.spec import Experiment
from dataenvgym_spec.language.validate import MAX_FINDINGS, Checker, unsaid
from dataenvgym_spec.resolve import matrix, references, same_as
from dataenvgym_spec.resolve.arms import DEFAULT_ARM, Arm, Resolved
from dataenvgym_spec.resolve.defaults import in_one_form
from dataenvgym_spec.resolve.extends import read_family
from dataenvgym_spec.resolve.files import File, Reader
from dataenvgym_spec.resolve.lockfile import Lock, Reference
from dataenvgym_spec.resolve.matrix import Point
from dataenvgym_spec.resolve.merge import Layer, merge, without
from dataenvgym_spec.resolve.overrides import settings


def experiments_of(path: Path, *, root: Path, sets: Sequence[str] = ()) -> tuple[str, list[str]]:
    """The name of a spec, and the names of the experiments it makes: one, or one for each point of its matrix.

    Raises:
        SpecError: the text, a parent, the name or the matrix is wrong; the rest is not looked at.
    """
    loaded = _Spec(path, root, sets)
    return loaded.name, [loaded.named(point) for point in loaded.points()]


def resolve(
    path: Path,
    *,
    root: Path,
    sets: Sequence[str] = (),
    only: Collection[str] | None = None,
    lock: Lock | None = None,
) -> tuple[Resolved, ...]:
    """Reads a spec and resolves its experiments.

    Args:
        path: the spec file.
        root: the repository; files that a spec names must lie in it.
        sets: settings of the command line, `path=value`.
        only: names of experiments to resolve; None for all.
        lock: whose commits stand for the revisions that it pins.

    Raises:
        SpecError: anything is wrong with its text, parents, form, names or files; see `examine`.
    """
    resolved, found = examine(path, root=root, sets=sets, only=only, lock=lock)
    if found:
        raise SpecError(found)
    return resolved


def examine(
    path: Path,
    *,
    root: Path,
    sets: Sequence[str] = (),
    only: Collection[str] | None = None,
    lock: Lock | None = None,
) -> tuple[tuple[Resolved, ...], list[Diagnostic]]:
    """Resolves a spec as far as it goes, with everything that can be known to be wrong; arguments as those of `resolve`.

    A spec that fits the schema has its experiments in spite of unknown names and missing files, so that their meaning can be
    looked at as well; a spec that does not has none.

    Raises:
        SpecError: its text, its parents or its matrix leave nothing whole to look at.
    """
    loaded = _Spec(path, root, sets, lock)
    try:
        points = [point for point in loaded.points() if only is None or loaded.named(point) in only]
    except SpecError as error:
        rest = loaded.checker.fragment(without(loaded.tree, "matrix"))
        raise SpecError(
            [
                loaded.family.annotate(found)
                for found in [*loaded.family.found, *error.diagnostics, *rest]
            ]
        ) from error
    drafts = [loaded.draft(point) for point in points]
    steps, form = loaded.steps(drafts), loaded.form(drafts)
    found = [
        *loaded.family.found,
        *steps,
        *unsaid(form, steps),
        *loaded.names(drafts, whole=not form),
        *loaded.files(drafts),
    ]
    resolved = () if form else tuple(loaded.experiment(draft) for draft in drafts)
    return resolved, [loaded.family.annotate(finding) for finding in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """One experiment before anything is known about it: the tree below the arms, and of each arm name, tree and layers."""

    point: Point | None
    tree: Node
    arms: tuple[tuple[str, Node, tuple[Layer, ...]], ...]


class _Spec:
    """One spec file while it is resolved; what its experiments have in common is checked and read once."""

    def __init__(
        self, path: Path, root: Path, sets: Sequence[str], lock: Lock | None = None
    ) -> None:
        self.lock = lock or Lock()
        self.family = read_family(path, root=root)
        self.checker = Checker()
        self.reader = Reader(self.family, path.parent, root)
        self.merged = merged = self.family.merged
        try:
            self.above = settings(sets, self._mistyped)
        except SpecError as error:
            raise SpecError(
                [*error.diagnostics, *map(self.family.annotate, self.checker.fragment(merged))]
            ) from error
        self.tree = merge(merged, self.above.tree) if self.above else merged

    @property
    def name(self) -> str:
        node = self.tree.at(("name",))
        return str(node.value) if not isinstance(node.value, dict) else ""

    def named(self, point: Point | None) -> str:
        return matrix.named(self.name, point) if point else self.name

    def points(self) -> Sequence[Point | None]:
        assert isinstance(self.tree.value, dict)
        node = self.tree.value.get("matrix")
        if node is None:
            return (None,)
        found = self.checker.section("matrix", node)
        if found:
            raise SpecError(found)
        return matrix.expand(node)

    def draft(self, point: Point | None) -> _Draft:
        base = without(self.tree, "matrix")
        tree = merge(base, point.tree) if point else base
        assert isinstance(tree.value, dict)
        below, overrides = without(tree, "arms"), tree.value.get("arms")
        named = (
            overrides.value
            if overrides is not None and isinstance(overrides.value, dict) and overrides.value
            else {DEFAULT_ARM: None}
        )
        files = [*self.family.layers, *([Layer(name=point.name, tree=point.tree)] if point else [])]
        above = [self.above.layer] if self.above else []
        arms = []
        for name, override in named.items():
            layers = (
                *files,
                *([Layer(name=f"arm {name}", tree=override)] if override else []),
                *above,
            )
            merged = (
                merge(below, override) if override and isinstance(override.value, dict) else below
            )
            arms.append(
                (
                    name,
                    merge(merged, without(self.above.tree, "arms", "matrix"))
                    if self.above
                    else merged,
                    layers,
                )
            )
        return _Draft(point=point, tree=tree, arms=tuple(arms))

    def form(self, drafts: Sequence[_Draft]) -> list[Diagnostic]:
        """What keeps experiments from being records: what the schema says, first of all trees below the arms, and settings that fight."""
        found = [finding for draft in drafts for finding in self.checker.validate(draft.tree)]
        found += unsaid(
            [finding for draft in drafts for finding in self._clashes(draft.tree, draft.point)],
            found,
        )
        arms = [
            finding
            for draft in drafts
            for _, tree, _ in draft.arms
            for finding in self.checker.validate(tree)
        ]
        found += unsaid(arms, found)
        shared = [tree for draft in drafts for _, tree, _ in draft.arms]
        return found + unsaid(
            [
                finding
                for tree in shared
                if not self._faulty(tree, "task")
                for finding in same_as.check(tree)
            ],
            found,
        )

    def steps(self, drafts: Sequence[_Draft]) -> list[Diagnostic]:
        """Names that nothing has on the paths of the matrix and of the command line."""
        points = [draft.point for draft in drafts if draft.point]
        found = [
            finding
            for point in points
            for finding in references.stepped(
                point.paths, point.tree, (self.merged, self.tree), default=DEFAULT_ARM
            )
        ]
        if self.above:
            found += references.stepped(
                self.above.paths,
                self.above.tree,
                (self.merged, *(point.tree for point in points)),
                default=DEFAULT_ARM,
            )
        return found

    def names(self, drafts: Sequence[_Draft], *, whole: bool) -> list[Diagnostic]:
        """Unknown names. Each is compared with all names for a suggestion, so their number is bounded."""
        findings: list[Diagnostic] = []
        for draft in drafts:
            for _, tree, _ in draft.arms:
                findings += islice(references.check(tree, whole=whole), MAX_FINDINGS)
        for draft in drafts:
            unknown = references.contrasts(draft.tree, default=DEFAULT_ARM, whole=whole)
            findings += islice(unknown, MAX_FINDINGS)
        return findings

    def files(self, drafts: Sequence[_Draft]) -> list[Diagnostic]:
        """Reads all files that are named; what is wrong with them."""
        for draft in drafts:
            for _, tree, _ in draft.arms:
                self._files(tree)
        return self.reader.found

    def experiment(self, draft: _Draft) -> Resolved:
        made = tuple(
            self._arm(name, merged, layers, self.named(draft.point))
            for name, merged, layers in draft.arms
        )
        sweep = self.name if draft.point else None
        return Resolved(
            path=self.family.shown, sweep=sweep, node=draft.tree, arms=made, family=self.family
        )

    def _faulty(self, tree: Node, section: str) -> bool:
        assert isinstance(tree.value, dict)
        return section not in tree.value or bool(self.checker.section(section, tree.value[section]))

    def _files(self, tree: Node) -> dict[tuple[str | int, ...], File]:
        return {
            path: self.reader.read(tree.at(path), form) for path, form in self.checker.files(tree)
        }

    def _arm(self, name: str, tree: Node, layers: tuple[Layer, ...], experiment: str) -> Arm:
        revisions = self._revisions(tree)
        if pins := self.lock.layer(revisions.items()):
            tree, layers = merge(tree, pins.tree), (*layers, pins)
            revisions = self._revisions(tree)
        read = self._files(tree)
        plain: Any = tree.plain()
        plain["name"] = experiment
        for path, value in read.items():
            holder = plain
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = value.content
        record = msgspec.convert(in_one_form(plain), Experiment)
        return Arm(
            name=name,
            experiment=record,
            node=tree,
            layers=layers,
            references=read,
            revisions=revisions,
        )

    def _revisions(self, tree: Node) -> dict[tuple[str | int, ...], Reference]:
        named: dict[tuple[str | int, ...], Reference] = {}
        for path, kind in self.checker.revisions(tree):
            id, revision = str(tree.at((*path[:-1], "id")).value), str(tree.at(path).value)
            named[path] = Reference(
                type="model" if kind == "model" else "dataset", id=id, revision=revision
            )
        return named

    def _mistyped(self, tree: Node) -> bool:
        """Whether a setting of the command line is of another type than the schema wants there."""
        return any(
            finding.code == "E103" and finding.span and finding.span.file == "--set"
            for finding in self.checker.validate(merge(self.merged, tree))
        )

    def _clashes(self, tree: Node, point: Point | None) -> list[Diagnostic]:
        """What an arm or the command line sets although the matrix varies it."""
        if point is None:
            return []
        arms = tree.find("arms")
        overrides = arms.value if arms is not None and isinstance(arms.value, dict) else {}
        # An arm that says `observe: nothing` is the blind control of a sweep over what the others observe.
        found = [
            clash.told(f"the arm '{name}'")
            for name, override in overrides.items()
            for clash in matrix.clashes(point, override, tree)
            if clash.reached == clash.path or not isinstance(clash.node.value, str)
        ]
        if self.above:
            found += [
                clash.told("'--set'")
                for clash in matrix.clashes(
                    point, self.above.tree, merge(self.merged, point.tree), above_arms=True
                )
            ]
        return found
