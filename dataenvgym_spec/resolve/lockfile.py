"""The lock file of a folder of specs: reading, writing and pinning.

A branch of the hub moves, a data file is edited, another version of a component is installed: the
lock records what they were. `compile` takes the pinned commit, or reports the difference, which is
found in `compile.rules.pins`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from dataenvgym_spec.core.errors import Diagnostic, SpecError
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.merge import Layer, joined, planted

FILE: Final = "dataenvgym.lock.json"
REMEDY: Final = (
    "restore it from git, take one side of a merge whole, "
    "or write it anew: dataenvgym lock --update"
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

Commit = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
RepositoryType = Literal["model", "dataset"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reference:
    """A revision of a repository of the hub, as it is written in a spec."""

    type: RepositoryType
    id: str
    revision: str

    @property
    def is_commit(self) -> bool:
        """Whether it cannot move."""
        return _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The content of a data file or a model's directory.

    Attributes:
        sha256: the digest of the content.
        rows: the number of lines of a file that are not empty; None for a directory.
    """

    sha256: Digest
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The version of a component, and the release of the package that installed it.

    Only the version is compared; the release is there to be read.
    """

    version: int | str
    distribution: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The content of a lock file.

    Attributes:
        hub: the commit of each revision. A commit pins every byte of a repository; fingerprints of
            the `datasets` library pin nothing, since they hash times of its cache too.
        files: data files and model directories, by path.
        components: by `slot.kind`.
        stages: the number that versions each stage kind's results.
        tree: the file with the places of its values.
    """

    hub: dict[Reference, str] = field(default_factory=dict)
    files: dict[str, Fingerprint] = field(default_factory=dict)
    components: dict[str, Version] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=dict)
    tree: Node | None = field(default=None, compare=False)

    def place(self, *path: str) -> Node | None:
        """The node at a path; None for a lock that was not read from a file."""
        if self.tree is None:
            return None
        return self.tree.at(path)

    def layer(self, references: Iterable[tuple[tuple[str | int, ...], Reference]]) -> Layer | None:
        """The pinned commits of a tree's revisions, to be merged over it; None if there are none.

        Args:
            references: revisions that the tree names, with their paths in it.
        """
        if self.tree is None:
            return None
        trees = []
        for path, reference in references:
            if reference in self.hub:
                place = ("hub", reference.type, reference.id, reference.revision)
                # The node, not the text: an explanation points to the line of the lock.
                commit = self.tree.at(place)
                steps = tuple(map(str, path))
                trees.append(planted(steps, commit, commit.key or commit.span))
        if not trees:
            return None
        return Layer(name=self.tree.span.file, tree=joined(trees))


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: Literal[1]
    hub: dict[RepositoryType, dict[str, dict[str, Commit]]]
    files: dict[str, Fingerprint]
    components: dict[str, Version]
    stages: dict[str, int]


def read(path: Path, *, shown: str) -> Lock | None:
    """The lock file at a path; None if there is none.

    Args:
        path: the file.
        shown: how messages name it.

    Raises:
        SpecError: it is damaged, or of another format.
    """
    if not path.exists():
        return None
    try:
        return parse(source.read(path, shown=shown))
    except SpecError as error:
        # Nobody writes a lock by hand: a remedy for its YAML helps nobody.
        findings = [replace(finding, help=REMEDY) for finding in error.diagnostics]
        raise SpecError(findings) from error


def parse(tree: Node) -> Lock:
    """A lock from the tree of its text: JSON is YAML too, so its values have places.

    Raises:
        SpecError: it is not of a lock's form.
    """
    try:
        content = msgspec.convert(tree.plain(), _File)
    except msgspec.ValidationError as error:
        message = f"'{tree.span.file}' is no lock file: {error}"
        finding = Diagnostic(code="E001", message=message, span=tree.span, help=REMEDY)
        raise SpecError([finding]) from error
    commits: dict[Reference, str] = {}
    for kind, repositories in content.hub.items():
        for name, revisions in repositories.items():
            for revision, commit in revisions.items():
                commits[Reference(type=kind, id=name, revision=revision)] = commit
    return Lock(
        hub=commits,
        files=content.files,
        components=content.components,
        stages=content.stages,
        tree=tree,
    )


def render(lock: Lock) -> str:
    """The text of a lock file: sorted, one value a line.

    >>> render(Lock(stages={"data": 1})).splitlines()[-4:]
    [' "stages": {', '  "data": 1', ' }', '}']
    """
    hub: dict[str, dict[str, dict[str, str]]] = {"model": {}, "dataset": {}}
    for reference, commit in lock.hub.items():
        revisions = hub[reference.type].setdefault(reference.id, {})
        revisions[reference.revision] = commit
    content = {
        "format": 1,
        "hub": hub,
        "stages": lock.stages,
        "files": {path: _fingerprint(item) for path, item in lock.files.items()},
        "components": msgspec.to_builtins(lock.components),
    }
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _fingerprint(fingerprint: Fingerprint) -> dict[str, str | int]:
    # A directory has no rows, and its entry no such key.
    if fingerprint.rows is None:
        return {"sha256": fingerprint.sha256}
    return {"sha256": fingerprint.sha256, "rows": fingerprint.rows}
