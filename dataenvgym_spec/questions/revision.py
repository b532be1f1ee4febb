"""The files of a spec at a git revision, in a temporary folder. The working tree is not touched.

What git does not hold (data that DVC tracks, a local model) comes from DVC's cache as the
revision's `.dvc` file says, or, if git ignores it, from the working tree as it is now: its earlier
content is not known.
"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.core.folders import FolderFault
from dataenvgym_spec.core.paths import exists
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.records.experiment import SPECS
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.store.dvc.state import members

FOLDER: Final = "specs"


def extract(root: Path, revision: str, spec: str | None, target: Path) -> None:
    """Writes the specs of a revision and what they name: parents, prompts, data.

    Nothing else of the revision is read.

    Args:
        root: the repository.
        revision: what git takes for a commit.
        spec: one spec file, relative to the repository; None for every active one.
        target: an empty folder, on the file system of the repository.

    Raises:
        UserError: there is no such revision, or the spec is not in it.
    """
    commit = _commit(root, revision)
    listed = _listed(root, commit)
    there = listed.union(*map(_parents, listed))
    if spec is not None and spec not in listed:
        raise UserError(
            f"'{spec}' does not exist at revision '{revision}'",
            help=f"see what does: git ls-tree -r --name-only {revision}",
        )
    locks = [path for path in listed if posixpath.basename(path) == lockfile.FILE]
    specs = [spec] if spec is not None else sorted(filter(_is_active_spec, listed))
    waiting = [*specs, *locks]
    seen: set[str] = set()
    # Parents name other files, and those again others.
    while waiting:
        _write(root, commit, waiting, target)
        seen.update(waiting)
        named: set[str] = set()
        for path in waiting:
            if path.endswith(SPECS):
                named.update(_named(target / path, path))
        waiting = sorted((named & there) - seen)
        for name in sorted(named - there):
            _borrow(root, commit, name, target, there)


def _listed(root: Path, commit: str) -> frozenset[str]:
    """The files that a commit holds."""
    output = _git(root, "ls-tree", "-r", "-z", "--name-only", commit)
    return frozenset(output.decode("utf-8", "surrogateescape").split("\0")) - {""}


def _is_active_spec(path: str) -> bool:
    return posixpath.dirname(path) == FOLDER and path.endswith(SPECS)


def _commit(root: Path, revision: str) -> str:
    command = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    try:
        return _git(root, *command, f"{revision}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"there is no git revision '{revision}'",
            help="name a commit, a branch or a tag; see: git log --oneline",
        ) from error


def _write(root: Path, commit: str, paths: list[str], target: Path) -> None:
    # `archive` and not `cat-file`: it gives files as a checkout would, line ends and filters
    # applied.
    data = _git(root, "archive", "--format=tar", commit, "--", *paths)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(target, filter="data")


def _named(path: Path, shown: str) -> Iterator[str]:
    """The paths in the repository, present or not, that any value of a YAML file may name."""
    try:
        tree = source.read(path, shown=shown)
    except SpecError:  # reported when the spec is resolved
        return
    for text in _texts(tree):
        name = posixpath.normpath(posixpath.join(posixpath.dirname(shown), text))
        if name.isprintable() and not name.startswith(("..", "/")) and name != ".":
            yield name


def _borrow(root: Path, commit: str, name: str, target: Path, there: frozenset[str]) -> None:
    """Links a file or folder that git does not hold into the temporary folder, if there is one."""
    for path in (name, *_parents(name)):
        if f"{path}.dvc" in there:
            pointer = _git(root, "show", f"{commit}:./{path}.dvc").decode()
            _link_cached(cache_folder(root), pointer, target / path)
            return
    if exists(root / name) and _is_ignored(root, name):
        _link(root.resolve() / name, target / name, root)


def _is_ignored(root: Path, name: str) -> bool:
    command = ["git", "check-ignore", "--quiet", "--", name]
    return subprocess.run(command, cwd=root, check=False).returncode == 0


def _link_cached(cache: Path, pointer: str, target: Path) -> None:
    """Links what a `.dvc` file names, if all of it is in the cache.

    Otherwise it is reported as a file that does not exist.
    """
    digest = source.parse(pointer, file=".dvc").at(("outs", 0, "md5")).value
    if not isinstance(digest, str) or not digest:
        return
    wanted: dict[str, str] | None = {"": digest}
    if digest.endswith(".dir") and _object(cache, digest).is_file():
        wanted = members(_object(cache, digest).read_text(encoding="utf-8"))
    objects = {path: _object(cache, one) for path, one in (wanted or {}).items()}
    if all(place.is_file() for place in objects.values()):
        for path, place in objects.items():
            _link(place, target / path)


def _object(cache: Path, digest: str) -> Path:
    return cache / "files" / "md5" / digest[:2] / digest[2:]


def _link(path: Path, target: Path, root: Path | None = None) -> None:
    """Links a file, or the files of a folder of a repository.

    Raises:
        UserError: the folder cannot be used.
    """
    files = {"": path}
    if path.is_dir() and root is not None:
        try:
            files = Contents(root).files(path)
        except FolderFault as error:
            raise UserError(f"'{path}' {error}", help=error.help) from error
    for name, file in files.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            # What a link leads to, for the link may be relative.
            _link_file(file.resolve(), place)


def _link_file(path: Path | str, target: Path | str) -> None:
    try:
        os.link(path, target)
    except OSError:  # DVC's cache on another file system
        shutil.copyfile(path, target)


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _texts(node: Node) -> Iterator[str]:
    """All texts in a tree."""
    if isinstance(node.value, str):
        yield node.value
    elif isinstance(node.value, dict | tuple):
        children = node.value.values() if isinstance(node.value, dict) else node.value
        for child in children:
            yield from _texts(child)


def _git(root: Path, *arguments: str) -> bytes:
    command = ["git", "--literal-pathspecs", *arguments]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise UserError("the command 'git' is not installed", help="install git") from error
