"""What a spec said of contrasts in every commit, with what it extended then.

Each commit is read by itself, as it was: a parent counts from when the spec extends it, and not
where the spec has a list of its own. Since when a contrast stands there is told in `declared`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from posixpath import dirname, join, normpath
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import Span, SpecError
from dataenvgym_spec.records.experiment import Index, Question
from dataenvgym_spec.store.git.changes import Commit, Place, blobs, changes, ends, names_of
from dataenvgym_spec.store.git.program import contents
from dataenvgym_spec.store.layout import Layout

MAX_FILES: Final = 100
_NAME: Final = re.compile(rb"^name:[ \t]*([^#\s]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a spec declared, commit by commit.

    Attributes:
        commits: those that changed it or what it extends; parents before children.
        contrasts: what each of them declares, by its hash.
        ends: where a shallow clone ends.
    """

    commits: tuple[Commit, ...]
    contrasts: dict[str, frozenset[Question]]
    ends: frozenset[str]

    def declares(self, commit: str, question: Question) -> bool:
        """Whether a contrast stood there in a commit."""
        return question in self.contrasts[commit]


def said(layout: Layout, index: Index) -> Said | None:
    """What the spec of an experiment declared in every commit of this branch; None without git."""
    shallow = ends(layout)
    if shallow is None:
        return None
    names = names_of(layout, own_spec(layout, index.specs)) if index.specs else []
    reader = _Reader(layout=layout, names=names, arms=frozenset(index.arms))
    paths, commits = list(names), changes(layout, names) if names else ()
    while True:
        reader.read(commits)
        more = [path for path in reader.paths if path not in paths]
        if not more:
            break
        # What was extended has a history of its own.
        paths += more
        commits = changes(layout, paths)
    return Said(commits=commits, contrasts=reader.declared(commits), ends=shallow)


def own_spec(layout: Layout, specs: Sequence[str]) -> str:
    """Which of the files that an experiment was made from is its spec: none of them extends it."""
    extended = set()
    for path in specs if len(specs) > 1 else ():
        with suppress(OSError):
            read = _parsed((layout.root / path).read_bytes())
            extended |= set(_parents(path, read))
    return next((path for path in specs if path not in extended), specs[0])


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads specs as they were, each content once.

    Attributes:
        layout: the repository.
        names: what the spec is called, and what it was called before.
        arms: the experiment's, as it is compiled.
        found: what git calls the contents, less what was not there.
        asked: what it was asked for.
        texts: the contents; what a partial clone has not is missing.
        trees: what they say; None of one that cannot be read.
        known: what the contents of a spec and its parents declare together.
    """

    layout: Layout
    names: Sequence[str]
    arms: frozenset[str]
    found: dict[Place, str] = field(default_factory=dict)
    asked: dict[Place, None] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, Any] = field(default_factory=dict)
    known: dict[tuple[str, ...], frozenset[Question]] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        """All files that were read in any commit."""
        return list(dict.fromkeys(path for _, path in self.asked))

    def read(self, commits: Sequence[Commit]) -> None:
        """Reads the spec in some commits, and all that it extended in them."""
        wanted = [(commit.id, name) for commit in commits for name in self.names]
        while wanted:
            self._fetch(wanted)
            wanted = []
            for commit in commits:
                family = self._family(commit.id)
                wanted += [(commit.id, path) for path in family]
            wanted = [place for place in wanted if place not in self.asked]
            if len({path for _, path in (*self.asked, *wanted)}) > MAX_FILES:
                return

    def _fetch(self, places: Sequence[Place]) -> None:
        self.asked |= dict.fromkeys(places)
        self.found |= blobs(self.layout, places)
        new = {self.found[place] for place in places if place in self.found} - self.texts.keys()
        texts = contents(self.layout, new)
        self.texts |= texts
        self.trees |= {blob: _parsed(text) for blob, text in texts.items()}

    def _own(self, commit: str) -> str | None:
        """What the spec is called in a commit; None where there is none."""
        return next((name for name in self.names if (commit, name) in self.found), None)

    def _family(self, commit: str) -> list[str]:
        """The spec and what it extends, parents before children; as far as that was read."""
        own = self._own(commit)
        found: dict[str, None] = {}

        def visit(path: str, trail: tuple[str, ...]) -> None:
            if path in found or path in trail or len(trail) > MAX_FILES:
                return
            for parent in _parents(path, self._tree(commit, path)):
                visit(parent, (*trail, path))
            found[path] = None

        if own is not None:
            visit(own, ())
        return list(found)

    def _tree(self, commit: str, path: str) -> Any:
        return self.trees.get(self.found.get((commit, path), ""))

    def declared(self, commits: Sequence[Commit]) -> dict[str, frozenset[Question]]:
        """What each commit declares; parents before children.

        One that cannot be read is taken to say what was said before it. What stood under another
        name is of another experiment.
        """
        names = {commit.id: self._name(commit.id) for commit in commits}
        last = next((name for name in reversed(names.values()) if name is not None), None)
        states: dict[str, frozenset[Question]] = {}
        for commit in commits:
            before: frozenset[Question] = frozenset()
            for parent in commit.parents:
                before |= states.get(parent, frozenset())
            own = names[commit.id] in (None, last)
            here = self._contrasts(commit.id) if own else frozenset()
            states[commit.id] = before if here is None else here
        return states

    def _name(self, commit: str) -> str | None:
        """What the spec calls its experiment in a commit; None if it says nothing."""
        own = self._own(commit)
        text = b"" if own is None else self.texts.get(self.found[commit, own], b"")
        said = _NAME.search(text)
        return None if said is None else said.group(1).strip(b"\"'").decode("utf-8", "replace")

    def _contrasts(self, commit: str) -> frozenset[Question] | None:
        """The contrasts of a commit; None where that cannot be read."""
        family = self._family(commit)
        key = tuple(self.found.get((commit, path), "") for path in family)
        if not all(self.trees.get(blob) is not None for blob in key):
            return None
        if key not in self.known:
            self.known[key] = frozenset(_questions([self.trees[blob] for blob in key], self.arms))
        return self.known[key]


def _parsed(text: bytes) -> Any:
    """A file as a positioned tree; None if it cannot be read, or is no mapping."""
    from dataenvgym_spec.language.source import Node, parse

    # Most of a spec's history may be older than its first contrast.
    if not any(word in text for word in (b"contrasts", b"analysis", b"extends")):
        return Node(value={}, span=Span(file="", line=1, column=1, end_column=1))
    try:
        node = parse(text.decode("utf-8"), file="")
    except (SpecError, ValueError):
        return None
    return node if isinstance(node.value, dict) else None


def _parents(path: str, tree: Any) -> Iterator[str]:
    """The files that one extends, in their order; those outside of the repository left out."""
    node = None if tree is None else tree.find("extends")
    said = None if node is None else node.plain()
    for name in (said if isinstance(said, list) else [said])[:MAX_FILES]:
        if isinstance(name, str) and name.isprintable():
            parent = normpath(join(dirname(path), name))
            if not parent.startswith(("/", "..")):
                yield parent


def _questions(trees: Sequence[Any], arms: frozenset[str]) -> Iterator[Question]:
    """The contrasts that a spec declares with what it extends, parents first."""
    from dataenvgym_spec.compile.lower.index import question
    from dataenvgym_spec.language.analysis import Contrast
    from dataenvgym_spec.resolve.merge import merge

    # No file by itself: an empty spec says nothing.
    node = reduce(merge, trees).find("analysis", "contrasts") if trees else None
    rows: Any = None if node is None else node.plain()
    for row in rows if isinstance(rows, list) else ():
        with suppress(msgspec.ValidationError):
            yield question(msgspec.convert(row, Contrast), arms)
