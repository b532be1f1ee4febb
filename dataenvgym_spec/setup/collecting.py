"""Which results `dvc gc --workspace` would delete: those that only other commits name.

It keeps what the locks of the workspace name. A commit of any branch, tag or experiment of DVC may
name other results: `dataenvgym compare NAME@COMMIT` reads them. What the cache does not hold cannot
be deleted, and does not count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.store.dvc.state import Cache
from dataenvgym_spec.store.git.program import contents, git, lines
from dataenvgym_spec.store.layout import Layout

MOST_COMMITS: Final = 5000
"""Commits with locks that are looked at, the newest; a thousand take half a second."""
SHORT: Final = 10
"""Digits of a commit's name that people read and can type."""
_BATCH: Final = 2000
"""Locks that are read at once."""
_SPACES: Final = ("refs/heads", "refs/remotes", "refs/tags", "refs/exps")
_EXPERIMENT: Final = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/")
"""An experiment of DVC. It has other references below `refs/exps` for what it does right now."""
_LOCK: Final = re.compile(r"store/([^/]+)/dvc\.lock")
_DIGEST: Final = re.compile(rb"\bmd5: ([0-9a-f]{32}(?:\.dir)?)\b")
_GONE: Final = re.compile(r"0+")

Locks = dict[str, str]
"""Git's names of locks, by the directory of the stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endangered:
    """Results that only other revisions name.

    Attributes:
        stages: how many stages have some.
        names: what names them, as a user calls it: branches, tags and experiments, then commits.
        is_whole: whether all commits were looked at.
    """

    stages: int
    names: tuple[str, ...]
    is_whole: bool


def written(lock: bytes) -> set[str]:
    r"""The hashes of what a stage has written, by the text of its `dvc.lock`, which has them last.

    >>> written(b"stages:\n  a:\n    outs:\n    - path: out\n      md5: " + b"0" * 32)
    {'00000000000000000000000000000000'}
    """
    outs = lock.partition(b"\n    outs:\n")[2]
    return {digest.decode() for digest in _DIGEST.findall(outs)}


def endangered(layout: Layout) -> Endangered | None:
    """What `dvc gc --workspace` would delete of the results that some revision names.

    None in a partial clone: what commits hold would have to be fetched.
    """
    if git(layout, "config", "--get-regexp", r"^remote\..*\.promisor$"):
        return None
    refs = _revisions(layout)
    tips = {_short(ref): _locks_at(layout, ref) for ref in refs}
    commits = list(_commits(layout, refs))
    revisions = [*tips.items(), *commits]
    blobs = {blob for _, locks in revisions for blob in locks.values()}
    lost = set(_lost(layout, blobs))
    stages: set[str] = set()
    names: list[str] = []
    for name, locks in revisions:
        mine = {directory for directory, blob in locks.items() if blob in lost}
        # A commit of which a branch has all is not worth a name.
        if mine and (name in tips or not mine <= stages):
            names.append(name)
        stages |= mine
    is_whole = len(commits) < MOST_COMMITS
    return Endangered(stages=len(stages), names=tuple(names), is_whole=is_whole)


def _lost(layout: Layout, blobs: Iterable[str]) -> Iterator[str]:
    """Those of some locks that name results of the cache which the workspace does not name."""
    cache = Cache(folder=cache_folder(layout.root))
    kept: set[str] = set()
    for path in layout.store.glob("*/dvc.lock"):
        kept |= written(path.read_bytes())
    wanted = sorted(blobs)
    for start in range(0, len(wanted), _BATCH):
        for blob, text in contents(layout, wanted[start : start + _BATCH]).items():
            others = written(text) - kept
            if any(map(cache.has_file, others)):
                yield blob


def _revisions(layout: Layout) -> list[str]:
    """Branches, tags and experiments of DVC, in this order."""
    found = []
    for space in _SPACES:
        names = map(os.fsdecode, lines(layout, "for-each-ref", "--format=%(refname)", space))
        found += [name for name in names if space != "refs/exps" or _EXPERIMENT.match(name)]
    return found


def _locks_at(layout: Layout, ref: str) -> Locks:
    """The locks at a revision."""
    listing = git(layout, "ls-tree", "-r", "-z", ref, "store/") or b""
    locks = {}
    for row in filter(None, listing.split(b"\0")):
        head, _, path = os.fsdecode(row).partition("\t")
        directory = _LOCK.fullmatch(path)
        if directory:
            locks[directory[1]] = head.split()[2]
    return locks


def _commits(layout: Layout, refs: Iterable[str]) -> Iterator[tuple[str, Locks]]:
    """The locks that commits have changed, the newest commit first."""
    # A detached HEAD is on no branch.
    head = lines(layout, "rev-parse", "--quiet", "--verify", "HEAD")
    revisions = b"\n".join([*map(os.fsencode, refs), *head, b""])
    if not revisions.strip():
        return
    shown = ("--format=%x00%H", "--raw", "--no-abbrev", "--no-renames", "--relative", "-c")
    walk = ("--stdin", "--full-history", f"--max-count={MOST_COMMITS}")
    where = ":(glob)store/*/dvc.lock"
    text = git(layout, "log", *walk, *shown, "--", where, stdin=revisions) or b""
    for part in os.fsdecode(text).split("\0")[1:]:
        commit, *rows = part.splitlines()
        yield f"commit {commit[:SHORT]}", dict(_changed(rows))


def _changed(rows: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The locks that are written in rows of `--raw`: modes, names before and after, a letter."""
    for row in rows:
        head, _, path = row.partition("\t")
        directory = _LOCK.fullmatch(path)
        if directory:
            blob = head.split()[-2]
            if not _GONE.fullmatch(blob):
                yield directory[1], blob


def _short(ref: str) -> str:
    """A revision as a user calls it: an experiment of DVC by its own name."""
    _, space, name = ref.split("/", 2)
    return f"'{name.rpartition('/')[2]}'" if space == "exps" else f"'{name}'"
