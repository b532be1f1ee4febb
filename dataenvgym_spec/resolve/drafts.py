"""The experiments of a spec before anything is known about them: merged trees, arm by arm."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.validate import Checker
from dataenvgym_spec.resolve import matrix
from dataenvgym_spec.resolve.arms import DEFAULT_ARM
from dataenvgym_spec.resolve.extends import read_family
from dataenvgym_spec.resolve.matrix import Point
from dataenvgym_spec.resolve.merge import Layer, merge, without
from dataenvgym_spec.resolve.overrides import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDraft:
    """An arm by its merged tree, and the layers that it was merged from."""

    name: str
    tree: Node
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One experiment: the point of the matrix that it is, the tree below the arms, and the arms."""

    point: Point | None
    tree: Node
    arms: tuple[ArmDraft, ...]


class SpecFile:
    """One spec file; what its experiments have in common is read and checked once.

    Attributes:
        family: the files it was read from.
        checker: what the schema says.
        merged: the tree of its files.
        above: the settings of the command line.
        tree: both merged.
    """

    def __init__(self, path: Path, root: Path, sets: Sequence[str]) -> None:
        """Reads the file and its parents.

        Raises:
            SpecError: there is no tree, or a setting of the command line is wrong.
        """
        self.family = read_family(path, root=root)
        self.checker = Checker()
        self.merged = self.family.merged
        try:
            self.above = settings(sets, self._mistyped)
        except SpecError as error:
            rest = map(self.family.annotate, self.checker.fragment(self.merged))
            raise SpecError([*error.diagnostics, *rest]) from error
        self.tree = merge(self.merged, self.above.tree) if self.above else self.merged

    @property
    def name(self) -> str:
        """The name of the spec, which the points of a matrix have in common."""
        node = self.tree.at(("name",))
        return str(node.value) if not isinstance(node.value, dict) else ""

    def named(self, point: Point | None) -> str:
        """The name of an experiment."""
        return matrix.named(self.name, point) if point else self.name

    def points(self) -> Sequence[Point | None]:
        """The points of the matrix; None without a matrix.

        Raises:
            SpecError: the matrix is wrong.
        """
        node = self.tree.find("matrix")
        if node is None:
            return (None,)
        findings = self.checker.section("matrix", node)
        if findings:
            raise SpecError(findings)
        return matrix.expand(node)

    def drafts(self, only: Collection[str] | None) -> list[Draft]:
        """The experiments, or those of some names.

        Raises:
            SpecError: the matrix is wrong; with what is wrong with the rest of the file.
        """
        try:
            points = self.points()
        except SpecError as error:
            rest = self.checker.fragment(without(self.tree, "matrix"))
            findings = [*self.family.duplicates, *error.diagnostics, *rest]
            raise SpecError(map(self.family.annotate, findings)) from error
        wanted = [point for point in points if only is None or self.named(point) in only]
        return [self._draft(point) for point in wanted]

    def _draft(self, point: Point | None) -> Draft:
        tree, layers = without(self.tree, "matrix"), [*self.family.layers]
        if point is not None:
            tree = merge(tree, point.tree)
            layers.append(Layer(name=point.name, tree=point.tree))
        below, arms = without(tree, "arms"), tree.find("arms")
        overrides: dict[str, Node] = {}
        if arms is not None and isinstance(arms.value, dict):
            overrides = arms.value
        drafts = [self._arm(name, below, override, layers) for name, override in overrides.items()]
        if not drafts:
            drafts = [self._arm(DEFAULT_ARM, below, None, layers)]
        return Draft(point=point, tree=tree, arms=tuple(drafts))

    def _arm(self, name: str, below: Node, override: Node | None, layers: list[Layer]) -> ArmDraft:
        tree, layers = below, [*layers]
        if override is not None:
            layers.append(Layer(name=f"arm {name}", tree=override))
            if isinstance(override.value, dict):
                tree = merge(tree, override)
        if self.above:
            layers.append(self.above.layer)
            tree = merge(tree, without(self.above.tree, "arms", "matrix"))
        return ArmDraft(name=name, tree=tree, layers=tuple(layers))

    def _mistyped(self, tree: Node) -> bool:
        """Whether a setting of the command line is of another type than the schema wants there."""
        for finding in self.checker.validate(merge(self.merged, tree)):
            if finding.code == "E103" and finding.span and finding.span.file == "--set":
                return True
        return False
