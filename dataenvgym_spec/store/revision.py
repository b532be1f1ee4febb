"""The files that a spec is made of at a git revision, in a temporary folder. The working tree is neither read nor touched."""

from __future__ import annotations

import io
import posixpath
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dataenvgym_spec import source
from dataenvgym_spec.errors import SpecError, UserError
from dataenvgym_spec.source import Node

SPECS: Final = "specs"
YAML: Final = (".yaml", ".yml")


def extract(root: Path, revision: str, spec: str | None, target: Path) -> None:
    """Writes the specs of a revision and what they name: parents, prompts, data. Nothing else of the revision is read.

    Args:
        root: the repository.
        revision: what git takes for a commit.
        spec: one spec file, relative to the repository; None for every active one.
        target: an empty folder.

    Raises:
        UserError: there is no such revision, or the spec is not in it.
    """
    commit = _commit(root, revision)
    listed = frozenset(_git(root, "ls-tree", "-r", "-z", "--name-only", commit).decode("utf-8", "surrogateescape").split("\0")) - {""}
    there = listed | {folder for path in listed for folder in _parents(path)}
    if spec is not None and spec not in listed:
        raise UserError(f"'{spec}' does not exist at revision '{revision}'", help=f"see what does: git ls-tree -r --name-only {revision}")
    waiting = [spec] if spec is not None else sorted(path for path in listed if posixpath.dirname(path) == SPECS and path.endswith(YAML))
    seen: set[str] = set()
    while new := [path for path in dict.fromkeys(waiting) if path not in seen]:
        _write(root, commit, new, target)
        seen |= {*new}
        waiting = [named for path in new if path.endswith(YAML) for named in _named(target / path, path, there)]


def _commit(root: Path, revision: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError as error:
        raise UserError(f"there is no git revision '{revision}'", help="name a commit, a branch or a tag; see: git log --oneline") from error


def _write(root: Path, commit: str, paths: list[str], target: Path) -> None:
    # `archive` and not `cat-file`: it gives files as a checkout would, with line ends and filters applied.
    data = _git(root, "archive", "--format=tar", commit, "--", *paths)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(target, filter="data")


def _named(path: Path, shown: str, there: frozenset[str]) -> Iterator[str]:
    """The files and folders of the revision that a YAML file names, relative to itself, in any of its values."""
    try:
        tree = source.read(path, shown=shown)
    except SpecError:  # told when the spec is resolved
        return
    for text in _texts(tree):
        found = posixpath.normpath(posixpath.join(posixpath.dirname(shown), text))
        if found in there:
            yield found


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node.value, str):
        yield node.value
    elif isinstance(node.value, dict | tuple):
        for child in node.value.values() if isinstance(node.value, dict) else node.value:
            yield from _texts(child)


def _git(root: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", "--literal-pathspecs", *arguments], cwd=root, capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise UserError("the command 'git' is not installed", help="install git") from error
