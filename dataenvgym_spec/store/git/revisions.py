"""Which stages git revisions need: those of the experiments that are compiled in them."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.git.files import blobs_at, contents_of
from dataenvgym_spec.store.git.program import git
from dataenvgym_spec.store.layout import Layout


def revisions(layout: Layout, *, branches: bool, tags: bool) -> list[str]:
    """The names of all branches (remote ones too) or tags.

    Raises:
        UserError: git does not list them.
    """
    spaces = []
    if branches:
        spaces += ["refs/heads", "refs/remotes"]
    if tags:
        spaces.append("refs/tags")
    if not spaces:
        return []
    listing = git(layout, "for-each-ref", "--format=%(refname)", *spaces)
    if listing is None:
        raise UserError(
            "git does not tell the branches and tags; nothing was removed",
            help="see what it says: git for-each-ref",
        )
    return listing.decode().split()


def reached_at(layout: Layout, names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The stage directories that the compiled experiments of git revisions name, by revision.

    Raises:
        UserError: there is no such revision, or an index in it is damaged.
    """
    try:
        return _reached(layout, names)
    except UserError as error:
        raise UserError(f"{error.message}; nothing was removed", help=error.help) from error


def _reached(layout: Layout, names: Sequence[str]) -> dict[str, frozenset[str]]:
    indexes = {name: _indexes(layout, name) for name in names}
    blobs = {blob for files in indexes.values() for blob in files.values()}
    # One call of git for all: branches share most of their files.
    contents = contents_of(layout, blobs)
    reached = {}
    for name, files in indexes.items():
        directories: set[str] = set()
        for path, blob in files.items():
            directories |= _named(contents[blob], path, name)
        reached[name] = frozenset(directories)
    return reached


def _indexes(layout: Layout, revision: str) -> dict[str, str]:
    """The blobs of a revision's compiled experiments, by path."""
    blobs = blobs_at(layout, revision, "experiments")
    return {path: blob for path, blob in blobs.items() if is_index_path(path)}


def is_index_path(path: str) -> bool:
    """Whether a path from the repository is one of a compiled experiment.

    >>> is_index_path("experiments/tiny.json"), is_index_path("experiments/circumstances/tiny.json")
    (True, False)
    """
    folder, _, name = path.rpartition("/")
    return folder == "experiments" and name.endswith(".json")


def _named(text: bytes, path: str, revision: str) -> set[str]:
    """The stage directories that a compiled experiment names."""
    return {stage.directory for stage in index_of(text, path, revision).stages}


def index_of(text: bytes, path: str, revision: str) -> Index:
    """A compiled experiment of a revision.

    Raises:
        UserError: it is none.
    """
    try:
        return Index.parse(parse_json(text.decode("utf-8")))
    except ValueError as error:
        raise UserError(
            f"'{path}' of '{revision}' is no compiled experiment", help="leave out that revision"
        ) from error
