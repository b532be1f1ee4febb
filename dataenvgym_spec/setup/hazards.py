"""Where plain commands of git and DVC would destroy something of value, before they do.

What each of them does is in docs/dvc.md and tested in tests/system/test_hazards.py. Nothing here
asks a network.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder, remotes
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.variables import JOURNAL
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.store.git.program import git
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.place import journal_file

SAFE_GC: Final = "dvc gc --all-commits --all-experiments"
"""Keeps what any commit or experiment of DVC names: --all-commits alone deletes experiments."""
_SPACES: Final = ("refs/heads", "refs/remotes", "refs/tags", "refs/exps")
_EXPERIMENT: Final = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/")
"""An experiment of DVC. It has other references below `refs/exps` for what it does right now."""
_EVERYTHING: Final = "git remote set-branches origin '*' && git fetch"


def hazards(layout: Layout, environ: Mapping[str, str]) -> list[Finding]:
    """What a command of git or DVC would destroy here.

    Args:
        layout: of the repository.
        environ: the environment, which may name the folder of the journal.
    """
    trees = _worktrees(layout)
    return [
        _journal(layout, environ),
        _copies(layout),
        _collected(layout),
        *_shared(layout, trees),
        *_worktree(layout, trees),
        *_history(layout),
    ]


def _journal(layout: Layout, environ: Mapping[str, str]) -> Finding:
    """What was paid for must not be in a folder that is emptied."""
    name = "journal"
    try:
        folder = journal_file(environ).parent.absolute()
    except UserError as error:
        return Finding(name=name, ok=False, needed=False, detail=error.message, help=error.help)
    why = _emptied(folder)
    detail = f"at {folder}"
    help = f"move it, and export {JOURNAL}=FOLDER, outside of repositories and temporary folders"
    return Finding(name=name, ok=not why, needed=False, detail=f"{detail}{why}", help=help)


def _emptied(folder: Path) -> str:
    """Who empties a folder sooner or later; empty if nobody does."""
    real = folder.resolve()
    if real.is_relative_to(Path(tempfile.gettempdir()).resolve()):
        return ", a temporary folder: paid responses are lost when it is emptied"
    for parent in (real, *real.parents):
        if parent.name == ".git":
            return ""
        if (parent / ".git").exists():
            return f", where 'git clean -dx' in {parent} deletes paid responses"
    return ""


def _copies(layout: Layout) -> Finding:
    """Whether results are anywhere but in DVC's cache."""
    name, count = "copy of results", sum(1 for _ in layout.store.glob("*/dvc.lock"))
    known = remotes(layout.root)
    if known:
        detail = f"'dvc push --run-cache' makes one on '{known[0]}'"
        return Finding(name=name, ok=True, needed=False, detail=detail)
    if not count:
        return Finding(name=name, ok=True, needed=False, detail="there are no results yet")
    cache = cache_folder(layout.root)
    detail = f"none: the results of {count} stages are in DVC's cache alone"
    if cache.is_relative_to(layout.root):
        detail += ", which 'git clean -dx' deletes"
    help = "dvc remote add --default NAME URL && dvc push --run-cache"
    return Finding(name=name, ok=False, needed=False, detail=detail, help=help)


def _collected(layout: Layout) -> Finding:
    """Results that `dvc gc --workspace` deletes, since only another revision names them."""
    here = {path.parent.name for path in layout.store.glob("*/dvc.lock")}
    others: dict[str, set[str]] = {}
    for ref in _revisions(layout):
        lost = _locked_at(layout, ref) - here
        if lost:
            others[ref] = lost
    count = len(set().union(*others.values()))
    detail = "every result that a branch, tag or experiment names is of the workspace too"
    if others:
        names = ", ".join(_short(ref) for ref in list(others)[:2])
        names += f" and {len(others) - 2} more" if len(others) > 2 else ""
        detail = f"--workspace would delete results of {count} stages that only {names} has"
    return Finding(name="dvc gc", ok=not others, needed=False, detail=detail, help=SAFE_GC)


def _revisions(layout: Layout) -> list[str]:
    """Branches, tags and experiments of DVC, in this order."""
    found = []
    for space in _SPACES:
        names = map(os.fsdecode, _lines(layout, "for-each-ref", "--format=%(refname)", space))
        found += [name for name in names if space != "refs/exps" or _EXPERIMENT.match(name)]
    return found


def _locked_at(layout: Layout, ref: str) -> set[str]:
    """The stage directories with a lock at a revision."""
    listing = git(layout, "ls-tree", "-r", "-z", "--name-only", ref, "store/") or b""
    paths = [os.fsdecode(name) for name in listing.split(b"\0")]
    return {path.split("/")[1] for path in paths if path.endswith("/dvc.lock")}


def _short(ref: str) -> str:
    """A revision as a user calls it: an experiment of DVC by its own name."""
    _, space, name = ref.split("/", 2)
    return f"'{name.rpartition('/')[2]}'" if space == "exps" else f"'{name}'"


def _worktrees(layout: Layout) -> list[Path]:
    """The same folder as the repository's in git's worktrees, the main one first."""
    top = b"".join(_lines(layout, "rev-parse", "--show-toplevel"))
    if not top:
        return []
    folder = Path(os.fsdecode(top)).resolve()
    if not layout.root.resolve().is_relative_to(folder):  # GIT_WORK_TREE may say anything
        return []
    inside = layout.root.resolve().relative_to(folder)
    rows = _lines(layout, "worktree", "list", "--porcelain")
    prefix = b"worktree "
    folders = [os.fsdecode(row[len(prefix) :]) for row in rows if row.startswith(prefix)]
    return [Path(folder).resolve() / inside for folder in folders]


def _shared(layout: Layout, trees: Sequence[Path]) -> Iterator[Finding]:
    """Whose results `dvc gc` deletes as well, unless it is told of them."""
    root, cache = layout.root.resolve(), cache_folder(layout.root)
    users = [tree for tree in trees if tree != root and cache_folder(tree) == cache]
    outside = not cache.resolve().is_relative_to(root)
    if not users and not outside:
        return
    projects = [shlex.quote(str(tree)) for tree in users]
    detail = f"{cache}: dvc gc deletes what only others that use it name"
    help = f"{SAFE_GC} --projects {' '.join(projects) or 'FOLDER'}   (each folder that uses it)"
    yield Finding(name="shared cache", ok=False, needed=False, detail=detail, help=help)


def _worktree(layout: Layout, trees: Sequence[Path]) -> Iterator[Finding]:
    """A worktree begins with a cache of its own, which is empty."""
    root = layout.root.resolve()
    if not trees or root == trees[0] or not (trees[0] / ".dvc").is_dir():
        return
    main = cache_folder(trees[0])
    ok = cache_folder(root) == main
    detail = "shares the cache of the main worktree"
    if not ok:
        detail = f"has a cache of its own: results of {trees[0]} are not seen, and made again"
    help = f"dvc config --local cache.dir {shlex.quote(str(main))}"
    yield Finding(name="worktree", ok=ok, needed=False, detail=detail, help=help)


def _history(layout: Layout) -> Iterator[Finding]:
    """A shallow clone does not know which results earlier commits and other branches need."""
    if _lines(layout, "rev-parse", "--is-shallow-repository") != [b"true"]:
        return
    detail = "shallow: it does not say when contrasts were declared, and dvc gc keeps less"
    help = f"{_EVERYTHING} --unshallow"
    yield Finding(name="history", ok=False, needed=False, detail=detail, help=help)


def _lines(layout: Layout, *arguments: str) -> list[bytes]:
    """The lines that git prints; none if it fails."""
    return (git(layout, *arguments) or b"").splitlines()
