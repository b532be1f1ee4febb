"""The disk as `gc` asks about it, and the removal itself.

What is garbage is decided in `questions.garbage`; what git's revisions need is in
`store.git.revisions`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.dvc.busy import working
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.git.program import git
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.store.leases.holding import Leases
from dataenvgym_spec.store.locks import held

DIRECTORY: Final = re.compile(r"[a-z]+-[0-9a-f]{16}")
WAIT: Final = "wait until it ends, or end it, and run gc again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What is on disk of one stage; sizes in bytes.

    Attributes:
        restorable: whether DVC's cache can restore its result; True if it has no result.
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
        return kind_of(self.directory)

    @property
    def size(self) -> int:
        """All of it."""
        return self.out + self.log + self.scratch


def present(layout: Layout) -> dict[str, frozenset[str] | None]:
    """The stage directories of the store with those that each reads; None if that is unknown.

    Work on a stage that has no directory counts as one that reads nothing.
    """
    reads: dict[str, frozenset[str] | None] = {}
    for folder in _workshops(layout):
        # A shard of a stage has a name behind that of the stage.
        names = (path.name.partition(".")[0] for path in folder.glob("*"))
        reads |= dict.fromkeys(filter(DIRECTORY.fullmatch, names), frozenset())
    for name in _directories(layout.store):
        reads[name] = _reads(layout.stage(name) / "stage.json")
    return reads


def _workshops(layout: Layout) -> tuple[Path, ...]:
    """Where work on stages is done, by this machine and by others."""
    return layout.scratch(""), layout.nodes


def _work(layout: Layout, name: str) -> list[Path]:
    """What work on a stage has left besides its directory, that of its shards included."""
    left: list[Path] = []
    for folder in _workshops(layout):
        # Last goes what says that the rest belongs to a stage.
        left += [*sorted(folder.glob(f"{name}.*")), folder / name]
    return left


def _reads(path: Path) -> frozenset[str] | None:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        return frozenset(map(str, content["reads"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _directories(folder: Path) -> list[str]:
    """Names of stage directories; whatever else is there is not ours to remove."""
    if not folder.is_dir():
        return []
    folders = (entry.name for entry in os.scandir(folder) if entry.is_dir())
    return sorted(filter(DIRECTORY.fullmatch, folders))


def named_elsewhere(layout: Layout) -> frozenset[str]:
    """Stage directories that a `dvc.yaml` outside of the store names.

    Such files hold the entries of experiments, and stages that a user wrote.
    """
    address = re.compile(rf"store/({DIRECTORY.pattern})")
    directories: set[str] = set()
    for path in _pipelines(layout):
        if path.is_relative_to(layout.store) or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        directories.update(address.findall(text))
    return frozenset(directories)


def _pipelines(layout: Layout) -> set[Path]:
    """Every `dvc.yaml` of the repository, except those that git ignores."""
    which = ("--cached", "--others", "--exclude-standard")
    listing = git(layout, "ls-files", "-z", *which, "--", "dvc.yaml", "*/dvc.yaml")
    if listing is None:  # no git here: the slow way
        return set(layout.root.rglob("dvc.yaml"))
    names = [name for name in listing.split(b"\0") if name]
    return {layout.pipeline, *(layout.root / os.fsdecode(name) for name in names)}


def measured(layout: Layout, directories: Sequence[str]) -> tuple[Leftover, ...]:
    """What is on disk of some stages."""
    disk = Disk(layout)
    listing = git(layout, "ls-files", "-z", "--", "store") or b""
    tracked = {os.fsdecode(name) for name in listing.split(b"\0")}
    return tuple(_leftover(layout, disk, name, tracked) for name in directories)


def _leftover(layout: Layout, disk: Disk, name: str, tracked: Collection[str]) -> Leftover:
    folder = layout.stage(name)
    # A switch of branches or `dvc checkout` leaves empty folders.
    has_result = any(path.is_file() for path in (folder / "out").rglob("*"))
    has_lock = (folder / "dvc.lock").exists()
    return Leftover(
        directory=name,
        out=_size(folder / "out"),
        log=_size(folder / "log"),
        scratch=sum(map(_size, _work(layout, name))),
        restorable=not has_result or _restorable(disk, name),
        locked_in_git=not has_lock or f"store/{name}/dvc.lock" in tracked,
    )


def _restorable(disk: Disk, name: str) -> bool:
    try:
        lock = disk.lock(f"store/{name}", kind_of(name))
    except UserError:
        return False
    if lock is None:
        return _held_as_it_is(disk, name)
    # DVC restores a result through the run cache, and only if it has every output.
    run = disk.run_cache(lock.cmd, lock.deps, list(lock.outs))
    return run is not None and all(map(disk.cached, run.outs.values()))


def _held_as_it_is(disk: Disk, name: str) -> bool:
    """Whether DVC's cache holds what lies in the workspace, whoever has its lock.

    After a switch of branches the lock is in the other one.
    """
    ports = sorted((disk.layout.stage(name) / "out").iterdir())
    digests = [disk.hash_of(path.relative_to(disk.layout.root).as_posix()) for path in ports]
    return all(digest is not None and disk.cached(digest) for digest in digests)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


@contextmanager
def nobody_at_work(layout: Layout, leases: Leases | None = None) -> Iterator[None]:
    """Keeps `dataenvgym run` and DVC from starting, after making sure that nothing runs.

    Args:
        layout: the repository.
        leases: of the hosts that share it; None where it is one host's.

    Raises:
        UserError: they, or a stage, are running.
    """
    with ExitStack() as locks:
        if leases is not None:
            if locks.enter_context(leases.hold("run")) is None:
                raise _refusal("'dataenvgym run' is at work in this repository")
            for name in leases.held():
                # What a dead host has left is free after its term.
                if DIRECTORY.fullmatch(name) and not _is_released(leases, name):
                    raise _refusal(f"'{name}' is being made")
        if not locks.enter_context(held(layout.lock("run"))):
            raise _refusal("'dataenvgym run' is at work in this repository")
        if not locks.enter_context(held(layout.root / ".dvc" / "tmp" / "lock")):
            raise _refusal("DVC is at work in this repository")
        # DVC lets go of its lock while a stage runs, and then lists who reads and writes what.
        pids = working(layout)
        if pids:
            raise _refusal(f"DVC is at work in this repository (process {pids[0]})")
        for folder in (layout.private / "locks", layout.nodes):
            for path in sorted(folder.glob("*.lock")):
                if DIRECTORY.match(path.stem) and not _is_free(path):
                    raise _refusal(f"'{path.stem}' is being made")
        yield


def _is_free(lock: Path) -> bool:
    with held(lock) as free:
        return free


def _is_released(leases: Leases, name: str) -> bool:
    with leases.hold(name) as lease:
        return lease is not None


def _refusal(reason: str) -> UserError:
    return UserError(f"{reason}; nothing was removed", help=WAIT)


def remove(layout: Layout, directories: Iterable[str]) -> None:
    """Removes stages with their scratch, one after the other in this order.

    Each is gone at once or not at all.

    Raises:
        UserError: something cannot be removed; what comes after it is left.
    """
    trash = layout.private / "trash"
    try:
        shutil.rmtree(trash, ignore_errors=True)  # of a gc that was killed
        for name in directories:
            _discard(layout.stage(name), trash / "store")
            for path in _work(layout, name):
                _discard(path, trash / path.parent.name)
        if trash.exists():
            shutil.rmtree(trash)
    except OSError as error:
        raise UserError(
            f"'{error.filename}' cannot be removed: {error.strerror}",
            help="mend that and run gc again; what is left is whole",
        ) from error


def _discard(path: Path, trash: Path) -> None:
    if path.exists() or path.is_symlink():
        trash.mkdir(parents=True, exist_ok=True)
        path.rename(trash / path.name)
