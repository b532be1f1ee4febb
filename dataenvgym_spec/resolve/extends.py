"""A spec file with everything it extends: each file once, parents before children. Merging is in `merge`."""

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
        trails: for each inherited file, the places of the `extends` that brought it, nearest first.
        folders: for each file, what paths in it are relative to.
        inputs: the digest of each file.
        found: keys that are written twice; the first one counts.
    """

    shown: str
    layers: tuple[Layer, ...]
    trails: dict[str, tuple[Span, ...]]
    folders: dict[str, Path]
    inputs: dict[str, str]
    found: tuple[Diagnostic, ...] = ()

    @property
    def merged(self) -> Node:
        """All files as one tree. What lacks in it is told at the spec itself."""
        return replace(
            reduce(merge, (layer.tree for layer in self.layers)), span=self.layers[-1].tree.span
        )

    def annotate(self, found: Diagnostic) -> Diagnostic:
        """A finding with the chain that brought the file it points to."""
        trail = self.trails.get(found.span.file, ()) if found.span else ()
        return replace(
            found,
            notes=(*found.notes, *(f"inherited through 'extends' at {span}" for span in trail)),
        )


def read_family(path: Path, *, root: Path) -> Family:
    """Reads a spec file and, through `extends`, its parents.

    Raises:
        SpecError: a file cannot be read, is no mapping, lies outside of `root`, or extends itself in a circle. What the
            schema says about the files that could be read is told with it, except for what they lack.
    """
    walk = _Walk(root)
    walk.visit(path, walk.shown(path), ())
    own = Family(
        shown=walk.shown(path),
        layers=tuple(walk.layers),
        trails=walk.trails,
        folders=walk.folders,
        inputs=walk.inputs,
    )
    if all(found.code == "E101" for found in walk.found):
        return replace(own, found=tuple(walk.found))
    checker = Checker()
    form = [finding for layer in walk.layers for finding in checker.fragment(layer.tree)]
    raise SpecError([own.annotate(found) for found in [*walk.found, *unsaid(form, walk.found)]])


@dataclass(slots=True)
class _Walk:
    """Depth first, parents before children; a file that several extend counts once."""

    root: Path
    layers: list[Layer] = field(default_factory=list)
    trails: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    active: list[str] = field(default_factory=list)
    size: int = 0

    def shown(self, path: Path) -> str:
        try:
            resolved, root = path.resolve(), self.root.resolve()
        except (
            OSError,
            RuntimeError,
            ValueError,
        ):  # a circle of symbolic links; reading it will say so
            return str(path)
        return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(path)

    def visit(self, path: Path, shown: str, trail: tuple[Span, ...]) -> None:
        if shown in self.folders and shown not in self.active:
            return
        self.folders[shown], self.trails[shown] = path.parent, trail
        try:
            tree = source.read(path, shown=shown, told=self.found)
        except SpecError as error:
            self.found += error.diagnostics
            return
        if not isinstance(tree.value, dict):
            self.found.append(tree.fault("E103", "a spec is a mapping", "start with 'version: 1'"))
            return
        self.size += path.stat().st_size
        if self.size > source.MAX_BYTES:
            message = (
                f"this file and what it extends are larger than {source.MAX_BYTES} bytes together"
            )
            self.found.append(
                Diagnostic(
                    code="E207",
                    message=message,
                    span=trail[0] if trail else tree.span,
                    help="extend less, or move data into files",
                )
            )
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
            return self._report(
                "E103",
                "'extends' names a file or a list of files",
                parent,
                "give paths of YAML files, relative to this one",
            )
        path = folder / name
        shown = self.shown(path)
        try:
            outside, there = not path.resolve().is_relative_to(self.root.resolve()), path.is_file()
        except (OSError, RuntimeError):
            return self._report(
                "E203",
                f"the file '{name[:100]}' cannot be read",
                parent,
                "give a path of a file, relative to this one",
            )
        if outside:
            return self._report(
                "E203",
                f"'{name[:100]}' lies outside the repository",
                parent,
                "give a path relative to this file, inside the repository",
            )
        if shown in self.active:
            circle = " -> ".join([*self.active[self.active.index(shown) :], shown])
            return self._report(
                "E207",
                f"'extends' goes in a circle: {circle}",
                parent,
                "let one of these files extend nothing of the others",
            )
        if len(self.folders) >= MAX_FILES:
            return self._report(
                "E207",
                f"'extends' reaches more than {MAX_FILES} files",
                parent,
                "extend fewer files",
            )
        if not there:
            return self._report(
                "E203",
                f"the file '{name[:100]}' does not exist",
                parent,
                "give a path relative to this file",
            )
        return self.visit(path, shown, trail)

    def _report(self, code: str, message: str, node: Node, help: str) -> None:
        self.found.append(node.fault(code, message, help))


def _parents(tree: Node) -> tuple[Node, ...]:
    assert isinstance(tree.value, dict)
    named = tree.value.get("extends")
    if named is None or named.value is None:
        return ()
    return named.value if isinstance(named.value, tuple) else (named,)
