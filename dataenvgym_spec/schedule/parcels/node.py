"""Does the stage of a parcel on this machine, in a repository of its own, with stock DVC.

What another attempt has left of the stage is in the same repository: a finished result is adopted,
and training goes on from its checkpoint. Nothing here changes the clone that the parcel is from:
the result is in a cache of DVC, and what `dvc.lock` says of it is handed back. So a machine that
was given up and works on does no harm: where it has a lease, it can publish nothing.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import platformdirs
from msgspec.structs import replace as changed

from dataenvgym_spec.core.errors import StageError, UserError, refused
from dataenvgym_spec.core.faults import KILLED, SIGNALLED, as_shells, is_fault
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.core.running import LASTING
from dataenvgym_spec.core.running import VARIABLE as RUN
from dataenvgym_spec.core.variables import NODES
from dataenvgym_spec.core.variables import folder as chosen_folder
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.schedule.parcels import between, published
from dataenvgym_spec.schedule.parcels.packages import lacking, needed
from dataenvgym_spec.schedule.parcels.parcel import SAME, Home, Outcome, Parcel, differences, here
from dataenvgym_spec.schedule.parcels.tidy import lock_of, tidy
from dataenvgym_spec.schedule.protocol import Shard, shard_command
from dataenvgym_spec.setup.hardware.leases import clone_lock, told_file
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc import messages
from dataenvgym_spec.store.dvc.apart import runs_of
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.store.leases.lease import Lease
from dataenvgym_spec.store.leases.space import leased_folder, unlink_dangling
from dataenvgym_spec.store.locks import die_with_parent, hear_interrupts, held
from dataenvgym_spec.store.mark import holds_mark
from dataenvgym_spec.store.scratch import discard

WORK: Final = ".dataenvgym"
"""What the repository of a stage has in it once the stage was begun there."""


def folder_of(home: Home, environ: Mapping[str, str]) -> Path:
    """Where this machine works for a clone.

    Raises:
        StageError: it is to see the clone, and does not.
        UserError: the variable that names the folder does so by a relative path.
    """
    if home.shared:
        folder = Path(home.root) / ".dataenvgym" / "nodes"
        if not sees(home):
            message = f"'{name()}' does not see '{home.root}' of the machine that drives the run"
            help = "mount it there at the same path, or let results go through a remote of DVC"
            raise StageError(message, help=help)
        return folder
    base = chosen_folder(environ, NODES) or platformdirs.user_cache_path("dataenvgym") / "nodes"
    return base / home.token


def sees(home: Home) -> bool:
    """Whether the clone is at the same path on this machine, and is the same."""
    return holds_mark(Layout(root=Path(home.root)).home, home.token)


def name() -> str:
    """What this machine is called."""
    return socket.gethostname()


def carry_out(parcel: Parcel) -> Outcome:
    """Does the stage of a parcel; this process belongs to it.

    Its environment and working directory are changed, and what is said goes to its output.
    """
    try:
        others = differences(parcel.versions, here())
        if others:
            message = f"'{name()}' has other releases than the driver: {', '.join(others)}"
            raise StageError(message, help=SAME)
        folder = folder_of(parcel.home, os.environ)
        if not parcel.home.shared:
            tidy(folder, {**parcel.defaults, **os.environ})
        with _alone(parcel, folder) as lease:
            return _carry_out(parcel, folder, lease)
    except Exception as error:
        return failed_by(error)


def failed_by(error: Exception) -> Outcome:
    """What is told of a stage that something else has failed: the machine, or a fault of ours."""
    if isinstance(error, UserError):
        said = f"{error.message}; {error.help}" if error.help else error.message
        code, fault = error.exit_code, is_fault(error.exit_code)
        return Outcome(code=code, place=name(), fault=fault, said=said)
    if isinstance(error, OSError):  # a disk that is full, or a file server that has gone
        return Outcome(code=1, place=name(), fault=True, said=refused(error).message)
    traceback.print_exception(error)
    return Outcome(code=1, place=name(), said=f"internal error: {type(error).__name__}: {error}")


def unanswered(code: int) -> Outcome:
    """What is told of a stage whose process has not said what came of it.

    Args:
        code: its exit code, of Python or of a shell.
    """
    code = as_shells(code)
    said = f"the process of the stage ended without an answer: exit code {code}"
    if code > SIGNALLED:
        said = f"the process of the stage was killed by signal {code - SIGNALLED}"
    return Outcome(code=code or 1, place=name(), fault=is_fault(code), said=said)


@contextmanager
def _alone(parcel: Parcel, folder: Path) -> Iterator[Lease | None]:
    """Waits until nobody else does the stage: an earlier driver's machine may be about to end.

    Machines that see the clone use its own lock on the stage, or its lease where it is on a network
    disk: a machine that was taken for dead and wakes finds its stage taken over.

    Yields:
        The lease, if there are any.
    """
    if not parcel.home.shared:
        with held(lock_of(folder / parcel.name), waiting=_waits):
            yield None
        return
    with clone_lock(_home(parcel), parcel.name, waiting=_waits) as lock:
        yield None if lock is None else lock.lease


def _home(parcel: Parcel) -> Layout:
    """The clone that a parcel is from, on machines that see it."""
    return Layout(root=Path(parcel.home.root))


def _waits(holder: str) -> None:
    print(f"  waits for {holder}, which makes the same result", flush=True)


def _carry_out(parcel: Parcel, folder: Path, lease: Lease | None) -> Outcome:
    if lease is not None and parcel.shard is None:
        lock = published.standing(_home(parcel), lease)
        if lock is not None:
            print("  adopted: a result was published, nothing is made again", flush=True)
            return Outcome(code=0, place=name(), lock=lock, since=lease.number)
    repository = folder / parcel.name
    if lease is not None:
        repository = leased_folder(repository, lease, WORK)
    layout = Layout(root=repository)
    _unpack(parcel, repository)
    between.require_seen(layout, parcel.home, name())
    _enter(parcel, repository)
    try:
        outcome = _published(_run(parcel, layout), parcel, lease)
    finally:
        for path in parcel.private:
            (repository / path).unlink(missing_ok=True)
    if not outcome.code:
        os.chdir(folder)
        _forget(folder / parcel.name, repository)
    return outcome


def _forget(link: Path, repository: Path) -> None:
    """Removes the repository of a stage that is done, and the link to it unless it leads on."""
    if repository == link:  # it may be what is left of an attempt that had a lease
        discard(repository)
        return
    shutil.rmtree(repository, ignore_errors=True)
    unlink_dangling(link)


def _published(outcome: Outcome, parcel: Parcel, lease: Lease | None) -> Outcome:
    """Publishes what was made while the stage is still this machine's.

    Raises:
        LeaseLost: it is another one's.
    """
    if outcome.code or parcel.shard is not None:
        return outcome
    if lease is None:  # whoever puts it into its place publishes it
        return changed(outcome, since=parcel.since)
    published.publish(lease, outcome.lock)
    return changed(outcome, since=lease.number)


def _unpack(parcel: Parcel, repository: Path) -> None:
    """Makes the repository of a stage; of an earlier attempt only what it worked on is left."""
    shutil.rmtree(repository / "store", ignore_errors=True)
    # A process of this number may be another one's, on another machine.
    shutil.rmtree(repository / ".dvc", ignore_errors=True)
    (repository / ".dvc" / "tmp").mkdir(parents=True)
    told_file(Layout(root=repository)).unlink(missing_ok=True)
    for path, content in parcel.files.items():
        _place(repository, path).write_bytes(content)
    for path, content in parcel.private.items():
        place = _place(repository, path)
        place.touch(mode=0o600)
        place.write_bytes(content)
    for path in parcel.executable:
        (repository / path).chmod(0o755)
    for path, source in parcel.links.items():
        place = _place(repository, path)
        place.unlink(missing_ok=True)
        try:
            place.hardlink_to(Path(source).resolve())
        except OSError:
            shutil.copy2(source, place)


def _place(repository: Path, path: str) -> Path:
    """Where a file of a parcel goes.

    Raises:
        StageError: out of the repository.
    """
    place = repository / path
    if not Path(os.path.normpath(place)).is_relative_to(repository):
        raise StageError(f"a parcel names '{path}', which is outside of a repository")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _enter(parcel: Parcel, repository: Path) -> None:
    os.environ.update(environment())
    for variable, value in parcel.defaults.items():
        os.environ.setdefault(variable, value)
    os.environ.update({**parcel.variables, **STEADY, "DATAENVGYM_TRACK": "0"})
    os.environ[LASTING] = str(repository.parent)
    if parcel.experiment is not None:
        os.environ[RUN] = f"{os.getpid()} {parcel.experiment}"
    os.chdir(repository)


def _run(parcel: Parcel, layout: Layout) -> Outcome:
    place, target = name(), address(parcel.stage)
    print(f"  on {place}", flush=True)
    if parcel.shard is None:
        _require_packages(layout, parcel.stage)
    bring = ["checkout"] if parcel.home.shared else ["pull", "--quiet"]
    if parcel.reads and _dvc(*bring, "--force", *parcel.reads):
        said = "what the stage reads could not be brought"
        return Outcome(code=1, place=place, fault=True, said=said)
    sys.stdout.flush()
    if parcel.shard is not None:
        return _shard(parcel, layout, parcel.shard)
    code, heard = messages.call(("repro", "--single-item", target))
    if code:
        return _failed(layout.scratch(parcel.stage), code, heard.status)
    if not parcel.home.shared and _dvc("push", "--quiet", target):
        said = "what the stage made could not be pushed"
        return Outcome(code=1, place=place, fault=True, said=said)
    path = layout.stage(parcel.stage) / "dvc.lock"
    lock = path.read_text(encoding="utf-8")
    runs = runs_of(layout.root, lock, kind_of(parcel.stage))
    return Outcome(code=0, place=place, lock=lock, runs=runs)


def _require_packages(layout: Layout, directory: str) -> None:
    """Checks that this machine has what a stage needs, before anything is brought for it.

    Raises:
        StageError: it lacks a package.
    """
    stage = Stage.parse(read_json(layout.stage(directory) / "stage.json"))
    if names := lacking(needed([stage])):
        message = f"'{name()}' lacks packages that the stage needs: {', '.join(names)}"
        raise StageError(message, help=SAME)


def _shard(parcel: Parcel, layout: Layout, shard: Shard) -> Outcome:
    """Does a shard of a stage, by the command that its cmd would be."""
    folder = layout.stage(parcel.stage)
    code = subprocess.run(shard_command(shard), cwd=folder, check=False).returncode
    if code:
        return _failed(layout.shards(parcel.stage), code, code)
    answers = layout.shard(parcel.stage, shard.name)
    # Where the loop has stopped there are none.
    content = answers.read_bytes() if answers.is_file() else b""
    return Outcome(code=0, place=name(), answers=content)


def _dvc(*arguments: str) -> int:
    sys.stdout.flush()
    return messages.main(arguments)


def _failed(folder: Path, code: int, status: int | None) -> Outcome:
    """What is told of a stage that failed.

    Args:
        folder: where it has written down why.
        code: DVC's exit code.
        status: the stage's own, which is negative if a signal has ended it; None if unknown.
    """
    code = as_shells(status or code)
    # One that could still say why it ends by such a code has said it.
    killed = status is not None and status < 0
    return Outcome(
        code=code,
        place=name(),
        fault=is_fault(code),
        said=f"the stage was killed by signal {code - SIGNALLED}" if killed else "",
        failure=_failure(folder),
    )


def _failure(folder: Path) -> str:
    """Why a stage failed, as it has written it down."""
    with suppress(OSError):
        return (folder / "failure.txt").read_text(encoding="utf-8")
    return ""


def main(path: Path) -> int:
    """Does the stage of a parcel in a file, and writes what came of it beside it.

    The file is removed first: it may hold credentials, and nobody may be left to remove it.

    Returns:
        The exit code of the stage, or that of a fault of the machine if nothing can be written.
    """
    try:
        content = path.read_bytes()
        path.unlink(missing_ok=True)
        outcome = carry_out(Parcel.unpack(content))
    except Exception as error:
        outcome = failed_by(error)
    if outcome.said:
        print(f"error: {outcome.said}", file=sys.stderr, flush=True)
    try:
        atomic.write_bytes(path.with_suffix(".outcome"), outcome.pack())
    except OSError as error:
        print(f"error: {refused(error).message}", file=sys.stderr, flush=True)
        return KILLED
    return outcome.code


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    hear_interrupts()
    sys.exit(main(Path(sys.argv[1])))
