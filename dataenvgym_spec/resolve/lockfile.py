"""The lock file of a folder of specs: what they leave open, pinned. Reading, writing and pinning; checking is in `locked`.

It lies beside the specs that it holds for. A branch of the hub moves, a data file is edited, another version of a component is
installed: the lock says what they were, and `compile` takes the pinned commit, or says what differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from dataenvgym_spec.core.errors import Diagnostic, SpecError
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.merge import Layer, joined, planted

FILE: Final = "dataenvgym.lock.json"
REMEDY: Final = "restore it from git, take one side of a merge whole, or write it anew: dataenvgym lock --update"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

Commit = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
RepositoryType = Literal["model", "dataset"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reference:
    """A revision of a repository of the hub, as a spec names it."""

    type: RepositoryType
    id: str
    revision: str

    @property
    def is_commit(self) -> bool:
        """Whether it cannot move."""
        return _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a data file or a model's directory held; `rows` are the lines of a file that are not empty."""

    sha256: Digest
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What versions a component's results, and the release that brought it: the release is told, never compared."""

    version: int | str
    distribution: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a lock file says.

    Attributes:
        hub: the commit of each revision. A commit pins every byte of a repository; the fingerprints of the `datasets` library
            hash times of its cache too, so they differ from machine to machine and pin nothing.
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
        """Where it says something."""
        return self.tree.at(path) if self.tree is not None else None

    def layer(self, references: Iterable[tuple[tuple[str | int, ...], Reference]]) -> Layer | None:
        """The pinned commits of what a tree names, to be merged over it; None if it pins none of that."""
        pinned = [(path, reference) for path, reference in references if reference in self.hub]
        if not pinned or self.tree is None:
            return None
        nodes = [
            (path, self.tree.at(("hub", item.type, item.id, item.revision)))
            for path, item in pinned
        ]
        return Layer(
            name=self.tree.span.file,
            tree=joined(
                planted(tuple(map(str, path)), node, node.key or node.span) for path, node in nodes
            ),
        )


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
        raise SpecError([replace(found, help=REMEDY) for found in error.diagnostics]) from error


def parse(tree: Node) -> Lock:
    """A lock from its text's tree: JSON is YAML too, so its values have places.

    Raises:
        SpecError: it says something that no lock says.
    """
    try:
        content = msgspec.convert(tree.plain(), _File)
    except msgspec.ValidationError as error:
        message = f"'{tree.span.file}' is no lock file: {error}"
        raise SpecError(
            [Diagnostic(code="E001", message=message, span=tree.span, help=REMEDY)]
        ) from error
    return Lock(
        hub={
            Reference(type=kind, id=name, revision=revision): commit
            for kind, repositories in content.hub.items()
            for name, revisions in repositories.items()
            for revision, commit in revisions.items()
        },
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
        hub[reference.type].setdefault(reference.id, {})[reference.revision] = commit
    content: dict[str, Any] = {"format": 1, "hub": hub, "stages": lock.stages}
    content["files"] = {
        path: {"sha256": item.sha256, **({} if item.rows is None else {"rows": item.rows})}
        for path, item in lock.files.items()
    }
    content["components"] = msgspec.to_builtins(lock.components)
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
