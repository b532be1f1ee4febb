"""Where plain commands of git and DVC would destroy something of value, before they do.

What each of them does is in docs/dvc.md and tested in tests/system/test_hazards.py. Nothing here
asks a network.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder, remote_folder, remotes
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.variables import JOURNAL
from dataenvgym_spec.setup.collecting import MOST_COMMITS, endangered, written
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.store.dvc.state import Cache
from dataenvgym_spec.store.git.program import lines
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.place import journal_file

SAFE_GC: Final = "dvc gc --all-commits --all-experiments"
"""Keeps what any commit or experiment of DVC names: --all-commits alone deletes experiments."""
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
    name, known = "copy of results", remotes(layout.root)
    alone, count = _alone(layout)
    if not count:
        return Finding(name=name, ok=True, needed=False, detail="there are no results yet")
    place = "in DVC's cache alone"
    if cache_folder(layout.root).is_relative_to(layout.root):
        place += ", which 'git clean -dx' deletes"
    if not known:
        detail = f"none: the results of {_stages(count)} are {place}"
        help = "dvc remote add --default NAME URL && dvc push --run-cache"
        return Finding(name=name, ok=False, needed=False, detail=detail, help=help)
    help = "dvc push --run-cache"
    if alone is None:
        detail = f"pushed or not: unknown; '{known[0]}' is no folder, and no network is asked here"
        help += "   (or see what is missing there: dvc status --cloud)"
        return Finding(name=name, ok=False, needed=False, detail=detail, help=help)
    detail = f"'{known[0]}' has what DVC's cache has of {_stages(count)}"
    if alone:
        detail = f"'{known[0]}' lacks the results of {_stages(alone)}: they are {place}"
    return Finding(name=name, ok=not alone, needed=False, detail=detail, help=help)


def _alone(layout: Layout) -> tuple[int | None, int]:
    """How many stages have results that a remote lacks, and how many have any in all.

    The first is None where the default remote is no folder.
    """
    here, there = Cache(folder=cache_folder(layout.root)), remote_folder(layout.root)
    remote = None if there is None else Cache(folder=there)
    alone = count = 0
    for path in layout.store.glob("*/dvc.lock"):
        count += 1
        if remote is not None:
            results = written(path.read_bytes())
            # DVC pushes what a directory holds before it pushes the list of that.
            alone += any(here.has_file(one) and not remote.has_file(one) for one in results)
    return (None if remote is None else alone), count


def _collected(layout: Layout) -> Finding:
    """Results that `dvc gc --workspace` deletes, since only another revision names them."""
    name, found = "dvc gc", endangered(layout)
    if found is None:
        detail = "not looked at: a partial clone would have to fetch what other commits name"
        return Finding(name=name, ok=False, needed=False, detail=detail, help=SAFE_GC)
    detail = "every result that a commit or experiment names is of the workspace too"
    if found.names:
        names = ", ".join(found.names[:2])
        names += f" and {len(found.names) - 2} more" if len(found.names) > 2 else ""
        verb = "has" if len(found.names) == 1 else "have"
        stages = _stages(found.stages)
        detail = f"--workspace would delete results of {stages} that only {names} {verb}"
    if not found.is_whole:
        detail += f" (of the newest {MOST_COMMITS} commits with results)"
    return Finding(name=name, ok=not found.names, needed=False, detail=detail, help=SAFE_GC)


def _worktrees(layout: Layout) -> list[Path]:
    """The same folder as the repository's in git's worktrees, the main one first."""
    top = b"".join(lines(layout, "rev-parse", "--show-toplevel"))
    if not top:
        return []
    folder = Path(os.fsdecode(top)).resolve()
    if not layout.root.resolve().is_relative_to(folder):  # GIT_WORK_TREE may say anything
        return []
    inside = layout.root.resolve().relative_to(folder)
    rows = lines(layout, "worktree", "list", "--porcelain")
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
    if lines(layout, "rev-parse", "--is-shallow-repository") != [b"true"]:
        return
    detail = "shallow: it does not say when contrasts were declared, and dvc gc keeps less"
    help = f"{_EVERYTHING} --unshallow"
    yield Finding(name="history", ok=False, needed=False, detail=detail, help=help)


def _stages(count: int) -> str:
    return "1 stage" if count == 1 else f"{count} stages"
