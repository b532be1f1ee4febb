"""Files of git revisions, many at once; the working tree is not touched."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.git.program import contents, git
from dataenvgym_spec.store.layout import Layout


def blobs_at(layout: Layout, revision: str, folder: str) -> dict[str, str]:
    """The blobs of the files below a folder at a revision, by path from the repository.

    Raises:
        UserError: there is no such revision.
    """
    # A revision that begins with '-' is no option.
    command = ("ls-tree", "-r", "-z", "--end-of-options", revision, f"{folder}/")
    listing = git(layout, *command)
    if listing is None:
        help = "name a branch, a tag or a commit: git log --oneline"
        raise UserError(f"git has no revision '{revision}'", help=help)
    blobs = {}
    for row in listing.split(b"\0"):
        # A row: mode, type and blob, a tab, the path.
        head, _, path = row.partition(b"\t")
        if path:
            blobs[os.fsdecode(path)] = head.split()[2].decode()
    return blobs


def contents_of(layout: Layout, blobs: Iterable[str]) -> dict[str, bytes]:
    """The contents of blobs, by their names.

    Raises:
        UserError: git does not have one, as in a partial clone without network.
    """
    wanted = sorted(set(blobs))
    found = contents(layout, wanted)
    lost = next((blob for blob in wanted if blob not in found), None)
    if lost is not None:
        message = f"git does not have the object {lost}"
        raise UserError(message, help="fetch it: git fetch --refetch")
    return found
