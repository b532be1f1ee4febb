"""The disk as `gc` asks about it, and the removal itself. What is garbage is decided in `dataenvgym_spec.questions.garbage`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.busy import working
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held

DIRECTORY: Final = re.compile(r"[a-z]+-[0-9a-f]{16}")
WAIT: Final = "wait until it ends, or end it, and run gc again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What lies on disk of one stage; sizes in bytes.

    Attributes:
        restorable: whether DVC's cache gives its result back; True if there is none.
        locked_in_git: whether git has its `dvc.lock`; True if there is none.
    """

    directory: str
    out: int
    log: int
    scratch: int
    restorable: bool
    locked_in_git: bool

    @property
    def kind(self) -> str:
        """The stage kind."""
        return self.directory.rpartition("-")[0]

    @property
    def size(self) -> int:
        """All of it."""
        return self.out + self.log + self.scratch


def present(layout: Layout) -> dict[str, frozenset[str] | None]:
    """The stage directories of the store, and scratch of stages that have none, with the directories that each reads."""
    found: dict[str, frozenset[str] | None] = {
        name: frozenset() for name in _directories(layout.private / "scratch")
    }
    for name in _directories(layout.store):
        try:
            content = json.loads((layout.stage(name) / "stage.json").read_text(encoding="utf-8"))
            found[name] = frozenset(map(str, content["reads"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            found[name] = None
    return found


def _directories(folder: Path) -> list[str]:
    """Names of stage directories; whatever else lies there is not ours to remove."""
    return (
        sorted(
            item.name
            for item in os.scandir(folder)
            if item.is_dir() and DIRECTORY.fullmatch(item.name)
        )
        if folder.is_dir()
        else []
    )


def named_elsewhere(layout: Layout) -> frozenset[str]:
    """Stage directories that a `dvc.yaml` outside of the store names: entries, and stages that a user wrote."""
    listed = _git(
        layout,
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        "dvc.yaml",
        "*/dvc.yaml",
    )
    if listed is None:  # no git here: the slow way
        paths = {*layout.root.rglob("dvc.yaml")}
    else:
        paths = {layout.root / os.fsdecode(name) for name in listed.split(b"\0") if name} | {
            layout.pipeline
        }
    own = [path for path in paths if not path.is_relative_to(layout.store) and path.is_file()]
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in own)
    return frozenset(
        name for text in texts for name in re.findall(rf"store/({DIRECTORY.pattern})", text)
    )


def revisions(layout: Layout, *, branches: bool, tags: bool) -> list[str]:
    """The names of all branches (remote ones too) or tags.

    Raises:
        UserError: git does not say.
    """
    spaces = [
        *(("refs/heads", "refs/remotes") if branches else ()),
        *(("refs/tags",) if tags else ()),
    ]
    found = _git(layout, "for-each-ref", "--format=%(refname)", *spaces) if spaces else b""
    if found is None:
        raise UserError(
            "git does not tell the branches and tags; nothing was removed",
            help="see what it says: git for-each-ref",
        )
    return found.decode().split()


def reached_at(layout: Layout, names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The stage directories that the compiled experiments of git revisions name, by revision.

    Raises:
        UserError: there is no such revision, or an index in it is damaged.
    """
    blobs: dict[str, dict[str, str]] = {}
    for name in names:
        listed = _git(layout, "ls-tree", "-z", "--end-of-options", name, "experiments/")
        if listed is None:
            raise UserError(
                f"git has no revision '{name}'; nothing was removed",
                help="name a branch, a tag or a commit: git log --oneline",
            )
        rows = (row.partition(b"\t") for row in listed.split(b"\0") if row)
        blobs[name] = {
            os.fsdecode(path): head.split()[2].decode()
            for head, _, path in rows
            if path.endswith(b".json")
        }
    contents = _contents(layout, {digest for files in blobs.values() for digest in files.values()})
    return {name: frozenset(_named(files, contents, name)) for name, files in blobs.items()}


def _named(files: dict[str, str], contents: dict[str, bytes], revision: str) -> Iterator[str]:
    for path, digest in files.items():
        try:
            yield from (str(row["directory"]) for row in json.loads(contents[digest])["stages"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"'{path}' of '{revision}' is no compiled experiment; nothing was removed",
                help="leave out that revision",
            ) from error


def _contents(layout: Layout, digests: Iterable[str]) -> dict[str, bytes]:
    wanted = sorted(digests)
    told = _git(layout, "cat-file", "--batch", stdin="\n".join(wanted).encode()) or b""
    found, at = {}, 0
    for digest in wanted:
        end = told.index(b"\n", at)
        size = int(told[at:end].split()[2])
        found[digest] = told[end + 1 : end + 1 + size]
        at = end + size + 2
    return found


def _git(layout: Layout, *arguments: str, stdin: bytes = b"") -> bytes | None:
    """What git says; None if it fails, or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=layout.root, input=stdin, capture_output=True, check=False
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def measured(layout: Layout, directories: Sequence[str]) -> tuple[Leftover, ...]:
    """What lies on disk of some stages."""
    disk = Disk(layout)
    tracked = {
        os.fsdecode(name)
        for name in (_git(layout, "ls-files", "-z", "--", "store") or b"").split(b"\0")
    }
    return tuple(_leftover(layout, disk, name, tracked) for name in directories)


def _leftover(layout: Layout, disk: Disk, name: str, tracked: Collection[str]) -> Leftover:
    folder = layout.stage(name)
    lock = folder / "dvc.lock"
    return Leftover(
        directory=name,
        out=_size(folder / "out"),
        log=_size(folder / "log"),
        scratch=_size(layout.scratch(name)),
        restorable=not (folder / "out").exists() or _restorable(disk, name),
        locked_in_git=not lock.exists() or f"store/{name}/dvc.lock" in tracked,
    )


def _restorable(disk: Disk, name: str) -> bool:
    try:
        lock = disk.lock(f"store/{name}", name.rpartition("-")[0])
    except UserError:
        return False
    kept = disk.run_cache(lock.cmd, lock.deps, list(lock.outs)) if lock is not None else None
    return kept is not None and all(disk.cached(digest) for digest in kept.outs.values())


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


@contextmanager
def nobody_at_work(layout: Layout) -> Iterator[None]:
    """Keeps `dataenvgym run` and DVC from starting, once it is sure that neither they nor a stage are at work.

    Raises:
        UserError: somebody is.
    """
    with ExitStack() as stack:
        for path, who in (
            (layout.lock("run"), "'dataenvgym run'"),
            (layout.root / ".dvc" / "tmp" / "lock", "DVC"),
        ):
            if not stack.enter_context(held(path)):
                raise UserError(
                    f"{who} is at work in this repository; nothing was removed", help=WAIT
                )
        # DVC lets go of its lock while a stage runs, and then says here who reads and writes what.
        if pids := working(layout):
            raise UserError(
                f"DVC is at work in this repository (process {pids[0]}); nothing was removed",
                help=WAIT,
            )
        for path in sorted((layout.private / "locks").glob("*.lock")):
            if DIRECTORY.fullmatch(path.stem):
                with held(path) as free:
                    if not free:
                        raise UserError(
                            f"'{path.stem}' is being made; nothing was removed", help=WAIT
                        )
        yield


def remove(layout: Layout, directories: Iterable[str]) -> None:
    """Removes stages, scratch included, one after the other in this order; each is gone at once or not at all.

    Raises:
        UserError: something cannot be removed; what comes after it is left.
    """
    trash = layout.private / "trash"
    try:
        shutil.rmtree(trash, ignore_errors=True)  # of a gc that was killed
        for name in directories:
            for place, path in (("store", layout.stage(name)), ("scratch", layout.scratch(name))):
                if path.exists():
                    (trash / place).mkdir(parents=True, exist_ok=True)
                    path.rename(trash / place / name)
        if trash.exists():
            shutil.rmtree(trash)
    except OSError as error:
        raise UserError(
            f"'{error.filename}' cannot be removed: {error.strerror}",
            help="mend that and run gc again; what is left is whole",
        ) from error
