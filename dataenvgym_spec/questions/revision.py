"""The files that a spec is made of at a git revision, in a temporary folder. The working tree is not touched.

What git does not hold (data that DVC tracks, a local model) comes from DVC's cache as the revision's `.dvc` file says, or, if git
ignores it, from the working tree as it is now: nobody can tell what it was.
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

from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.store.dvc.disk import cache_folder
from dataenvgym_spec.store.dvc.state import members

SPECS: Final = "specs"
YAML: Final = (".yaml", ".yml")


def extract(root: Path, revision: str, spec: str | None, target: Path) -> None:
    """Writes the specs of a revision and what they name: parents, prompts, data. Nothing else of the revision is read.

    Args:
        root: the repository.
        revision: what git takes for a commit.
        spec: one spec file, relative to the repository; None for every active one.
        target: an empty folder, on the file system of the repository.

    Raises:
        UserError: there is no such revision, or the spec is not in it.
    """
    commit = _commit(root, revision)
    listed = frozenset(
        _git(root, "ls-tree", "-r", "-z", "--name-only", commit)
        .decode("utf-8", "surrogateescape")
        .split("\0")
    ) - {""}
    there = listed | {folder for path in listed for folder in _parents(path)}
    if spec is not None and spec not in listed:
        raise UserError(
            f"'{spec}' does not exist at revision '{revision}'",
            help=f"see what does: git ls-tree -r --name-only {revision}",
        )
    locks = [path for path in listed if posixpath.basename(path) == lockfile.FILE]
    waiting = (
        [spec, *locks]
        if spec is not None
        else locks
        + sorted(
            path for path in listed if posixpath.dirname(path) == SPECS and path.endswith(YAML)
        )
    )
    seen: set[str] = set()
    while new := [path for path in dict.fromkeys(waiting) if path not in seen]:
        _write(root, commit, new, target)
        seen |= {*new}
        named = {
            name for path in new if path.endswith(YAML) for name in _named(target / path, path)
        }
        waiting = sorted(named & there)
        for name in sorted(named - there):
            _borrow(root, commit, name, target, there)


def _commit(root: Path, revision: str) -> str:
    try:
        return (
            _git(
                root,
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                f"{revision}^{{commit}}",
            )
            .decode()
            .strip()
        )
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"there is no git revision '{revision}'",
            help="name a commit, a branch or a tag; see: git log --oneline",
        ) from error


def _write(root: Path, commit: str, paths: list[str], target: Path) -> None:
    # `archive` and not `cat-file`: it gives files as a checkout would, with line ends and filters applied.
    data = _git(root, "archive", "--format=tar", commit, "--", *paths)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(target, filter="data")


def _named(path: Path, shown: str) -> Iterator[str]:
    """What a YAML file may name, relative to itself, in any of its values: paths inside the repository, there or not."""
    try:
        tree = source.read(path, shown=shown)
    except SpecError:  # told when the spec is resolved
        return
    for text in _texts(tree):
        found = posixpath.normpath(posixpath.join(posixpath.dirname(shown), text))
        if found.isprintable() and not found.startswith(("..", "/")) and found != ".":
            yield found


def _borrow(root: Path, commit: str, name: str, target: Path, there: frozenset[str]) -> None:
    """Links a file or folder that git does not hold into the temporary folder, if it can be had."""
    holder = next((path for path in (name, *_parents(name)) if f"{path}.dvc" in there), None)
    if holder is not None:
        _link_cached(
            cache_folder(root),
            _git(root, "show", f"{commit}:./{holder}.dvc").decode(),
            target / holder,
        )
    elif (
        _is_there(root / name)
        and subprocess.run(
            ["git", "check-ignore", "--quiet", "--", name], cwd=root, check=False
        ).returncode
        == 0
    ):
        _link(root / name, target / name)


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 (any text of a spec comes here; of one too long for a file `Path` raises)


def _link_cached(cache: Path, pointer: str, target: Path) -> None:
    """Links what a `.dvc` file names, if all of it is in the cache; if not, it is told as a file that is not there."""
    named = source.parse(pointer, file=".dvc").at(("outs", 0, "md5")).value
    digest = named if isinstance(named, str) else ""
    wanted: dict[str, str] | None = {"": digest}
    if digest.endswith(".dir") and _object(cache, digest).is_file():
        wanted = members(_object(cache, digest).read_text(encoding="utf-8"))
    if digest and wanted and all(_object(cache, one).is_file() for one in wanted.values()):
        for path, one in wanted.items():
            _link(_object(cache, one), target / path)


def _object(cache: Path, digest: str) -> Path:
    return cache / "files" / "md5" / digest[:2] / digest[2:]


def _link(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, copy_function=_link_file, dirs_exist_ok=True)
    elif not target.exists():
        _link_file(path, target)


def _link_file(path: Path | str, target: Path | str) -> None:
    try:
        os.link(path, target)
    except OSError:  # DVC's cache on another file system
        shutil.copyfile(path, target)


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
        return subprocess.run(
            ["git", "--literal-pathspecs", *arguments], cwd=root, capture_output=True, check=True
        ).stdout
    except FileNotFoundError as error:
        raise UserError("the command 'git' is not installed", help="install git") from error
