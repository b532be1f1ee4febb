"""A spec file with everything it extends: each file once, parents before children.

Merging is in `merge`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic, Span, SpecError
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.validate import Checker, unsaid
from dataenvgym_spec.resolve.merge import Layer, merge, without

MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A spec and its parents.

    Attributes:
        shown: how the spec's own file is named in messages.
        layers: one per file, the most distant parent first, the spec itself last.
        trails: for each inherited file, the places of the `extends` that lead to it, nearest first.
        folders: for each file, the folder that its paths are relative to.
        inputs: the digest of each file.
        duplicates: keys that are written twice; the first one counts.
    """

    shown: str
    layers: tuple[Layer, ...]
    trails: dict[str, tuple[Span, ...]]
    folders: dict[str, Path]
    inputs: dict[str, str]
    duplicates: tuple[Diagnostic, ...] = ()

    @property
    def merged(self) -> Node:
        """All files as one tree. Missing keys are reported at the spec itself."""
        trees = [layer.tree for layer in self.layers]
        return replace(reduce(merge, trees), span=trees[-1].span)

    def annotate(self, finding: Diagnostic) -> Diagnostic:
        """A finding with the chain of `extends` that leads to the file it points to."""
        if finding.span is None:
            return finding
        trail = self.trails.get(finding.span.file, ())
        notes = [f"inherited through 'extends' at {span}" for span in trail]
        return replace(finding, notes=(*finding.notes, *notes))


def read_family(path: Path, *, root: Path) -> Family:
    """Reads a spec file and, through `extends`, its parents.

    Raises:
        SpecError: a file cannot be read, is not a mapping, lies outside `root`, or extends itself
            in a circle. Findings of the schema about the files that could be read are part of it,
            except for missing keys.
    """
    walk = _Walk(root)
    shown = walk.shown(path)
    walk.visit(path, shown, ())
    family = Family(
        shown=shown,
        layers=tuple(walk.layers),
        trails=walk.trails,
        folders=walk.folders,
        inputs=walk.inputs,
        duplicates=tuple(walk.findings),
    )
    # A duplicate key leaves a whole tree; after anything else, a layer may be missing.
    if all(finding.code == "E101" for finding in walk.findings):
        return family
    checker = Checker()
    form: list[Diagnostic] = []
    for layer in walk.layers:
        form += checker.fragment(layer.tree)
    findings = [*walk.findings, *unsaid(form, walk.findings)]
    raise SpecError(map(family.annotate, findings))


@dataclass(slots=True)
class _Walk:
    """Depth first, parents before children; a file that several extend counts once."""

    root: Path
    layers: list[Layer] = field(default_factory=list)
    trails: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    active: list[str] = field(default_factory=list)
    size: int = 0

    def shown(self, path: Path) -> str:
        try:
            resolved, root = path.resolve(), self.root.resolve()
        except (OSError, RuntimeError, ValueError):
            # A circle of symbolic links; reading the file will report it.
            return str(path)
        if not resolved.is_relative_to(root):
            return str(path)
        return resolved.relative_to(root).as_posix()

    def visit(self, path: Path, shown: str, trail: tuple[Span, ...]) -> None:
        # A parent of two files is read once; a circle was reported by `_may_follow`.
        if shown in self.folders:
            return
        self.folders[shown], self.trails[shown] = path.parent, trail
        try:
            tree = source.read(path, shown=shown, faults=self.findings)
        except SpecError as error:
            self.findings += error.diagnostics
            return
        if not isinstance(tree.value, dict):
            self._report("E103", "a spec is a mapping", tree, "start with 'version: 1'")
            return
        # Bounded together: a hundred files of the largest size would take a minute to read.
        self.size += path.stat().st_size
        if self.size > source.MAX_BYTES:
            self._too_large(trail[0] if trail else tree.span)
            return
        self.active.append(shown)
        for parent in _parents(tree):
            self._follow(parent, path.parent, (parent.span, *trail))
        self.active.pop()
        self.inputs[shown] = file_digest(path)
        self.layers.append(Layer(name=shown, tree=without(tree, "extends", "$schema")))

    def _follow(self, parent: Node, folder: Path, trail: tuple[Span, ...]) -> None:
        name = parent.value
        if not isinstance(name, str) or not name or not name.isprintable():
            message = "'extends' names a file or a list of files"
            help = "give paths of YAML files, relative to this one"
            self._report("E103", message, parent, help)
            return
        path = folder / name
        shown = self.shown(path)
        if self._may_follow(parent, name[:100], path, shown):
            self.visit(path, shown, trail)

    def _may_follow(self, parent: Node, name: str, path: Path, shown: str) -> bool:
        """Whether a parent can be read; if not, the reason is reported."""
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
            exists = path.is_file()
        except (OSError, RuntimeError):
            message = f"the file '{name}' cannot be read"
            self._report("E203", message, parent, "give a path of a file, relative to this one")
            return False
        if not inside:
            message = f"'{name}' lies outside the repository"
            help = "give a path relative to this file, inside the repository"
            self._report("E203", message, parent, help)
        elif shown in self.active:
            circle = [*self.active[self.active.index(shown) :], shown]
            message = f"'extends' goes in a circle: {' -> '.join(circle)}"
            help = "let one of these files extend nothing of the others"
            self._report("E207", message, parent, help)
        elif len(self.folders) >= MAX_FILES:
            message = f"'extends' reaches more than {MAX_FILES} files"
            self._report("E207", message, parent, "extend fewer files")
        elif not exists:
            message = f"the file '{name}' does not exist"
            self._report("E203", message, parent, "give a path relative to this file")
        else:
            return True
        return False

    def _too_large(self, span: Span) -> None:
        limit = source.MAX_BYTES
        message = f"this file and what it extends are larger than {limit} bytes together"
        help = "extend less, or move data into files"
        self.findings.append(Diagnostic(code="E207", message=message, span=span, help=help))

    def _report(self, code: str, message: str, node: Node, help: str) -> None:
        self.findings.append(node.fault(code, message, help))


def _parents(tree: Node) -> tuple[Node, ...]:
    parents = tree.find("extends")
    if parents is None or parents.value is None:
        return ()
    if isinstance(parents.value, tuple):
        return parents.value
    return (parents,)
