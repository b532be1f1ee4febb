"""Which stages git revisions need: those of the experiments that are compiled in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.git.program import contents, git
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
    indexes = {name: _indexes(layout, name) for name in names}
    blobs = {blob for files in indexes.values() for blob in files.values()}
    # One call of git for all: branches share most of their files.
    texts = _contents(layout, blobs)
    reached = {}
    for name, files in indexes.items():
        directories: set[str] = set()
        for path, blob in files.items():
            directories |= _named(texts[blob], path, name)
        reached[name] = frozenset(directories)
    return reached


def _indexes(layout: Layout, revision: str) -> dict[str, str]:
    """The blobs of a revision's compiled experiments, by path."""
    listing = git(layout, "ls-tree", "-z", "--end-of-options", revision, "experiments/")
    if listing is None:
        raise UserError(
            f"git has no revision '{revision}'; nothing was removed",
            help="name a branch, a tag or a commit: git log --oneline",
        )
    blobs = {}
    for row in listing.split(b"\0"):
        # A row: mode, type and blob, a tab, the path.
        head, _, path = row.partition(b"\t")
        if path.endswith(b".json"):
            blobs[os.fsdecode(path)] = head.split()[2].decode()
    return blobs


def _named(text: bytes, path: str, revision: str) -> set[str]:
    """The stage directories that a compiled experiment names."""
    try:
        index = Index.parse(parse_json(text.decode("utf-8")))
    except ValueError as error:
        raise UserError(
            f"'{path}' of '{revision}' is no compiled experiment; nothing was removed",
            help="leave out that revision",
        ) from error
    return {stage.directory for stage in index.stages}


def _contents(layout: Layout, blobs: Iterable[str]) -> dict[str, bytes]:
    """The contents of blobs, by their names."""
    wanted = sorted(blobs)
    found = contents(layout, wanted)
    for blob in wanted:
        if blob not in found:
            # As in a partial clone without network.
            raise UserError(
                f"git does not have the object {blob}; nothing was removed",
                help="fetch it: git fetch --refetch",
            )
    return found
