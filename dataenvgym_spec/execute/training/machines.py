"""Trainings that several machines do together: how those beside the first one join it.

The first machine runs the stage and leaves a notice in its work folder, which is on a file system
that all of them share. A machine that joins takes a rank and starts its part of the processes;
there is nothing to configure on it. The notice of an attempt is gone or another one when the
attempt is over, and whoever joined it ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import ABORTED, as_shells
from dataenvgym_spec.core.machine import versions
from dataenvgym_spec.core.ports import free_port
from dataenvgym_spec.core.room import gpus_here
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.accelerate import configure
from dataenvgym_spec.execute.training.config import TrainingConfig
from dataenvgym_spec.execute.training.start import command, environment_of
from dataenvgym_spec.gym.students.trainers.protocol import Distribution
from dataenvgym_spec.records.files import parse_json, read, write_json
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

NOTICE: Final = "machines.json"
JOINED: Final = "joined"
"""The folder of the ranks that are taken, in a stage's work folder."""
LOOK_SECONDS: Final = 0.5
"""Between two looks whether there is something to join, or whether it is over."""
END_SECONDS: Final = 20


class Notice(Record, frozen=True, kw_only=True):
    """A training that waits for other machines.

    Attributes:
        attempt: tells it from an earlier one of the same stage.
        config: the file that says what is trained.
        machines: how many train together.
        processes: of all of them.
        address: of the first machine.
        port: at which its processes meet the others.
        gpus: of all machines; 0 for a training on processors.
        distribution: how weights are spread over processes.
        recompute: whether activations are computed again.
        versions: of the packages that can change a result, as the first machine has them.
    """

    attempt: str
    config: str
    machines: int
    processes: int
    address: str
    port: int
    gpus: int
    distribution: Distribution
    recompute: bool
    versions: dict[str, str]

    def hardware(self) -> Hardware:
        """How the training is spread."""
        return Hardware(
            processes=self.processes,
            device_batch=None,
            gpus=self.gpus,
            distribution=self.distribution,
            recompute=self.recompute,
            machines=self.machines,
            address=self.address,
            port=self.port,
        )


@contextlib.contextmanager
def announced(hardware: Hardware, config: Path) -> Iterator[Hardware]:
    """Leaves a notice of a training for as long as it runs, if it takes several machines.

    Yields:
        How it is spread, with the port that was chosen.

    Args:
        hardware: how it is spread.
        config: says what is trained, in the stage's work folder.
    """
    if hardware.machines == 1:
        yield hardware
        return
    port = hardware.port or free_port()
    path = config.parent / NOTICE
    notice = Notice(
        attempt=uuid4().hex,
        config=str(config.resolve()),
        machines=hardware.machines,
        processes=hardware.processes,
        address=hardware.address or "",
        port=port,
        gpus=hardware.gpus,
        distribution=hardware.distribution,
        recompute=hardware.recompute,
        versions=versions(),
    )
    write_json(path, notice)
    try:
        yield notice.hardware()
    finally:
        path.unlink(missing_ok=True)


def read_notice(path: Path) -> Notice | None:
    """A notice; None if there is none, or another release of this package wrote it."""
    try:
        return Notice.parse(parse_json(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def notices(layout: Layout) -> list[Path]:
    """The notices of a repository."""
    named = (folder / NOTICE for folder in layout.scratch("").glob("*/work"))
    return sorted(path for path in named if path.is_file())


def take(path: Path, notice: Notice) -> int | None:
    """Takes a rank among the machines of a training; None if all are taken."""
    folder = path.parent / JOINED
    folder.mkdir(exist_ok=True)
    for rank in range(1, notice.machines):
        with contextlib.suppress(FileExistsError):
            (folder / f"{notice.attempt}-{rank}").touch(exist_ok=False)
            return rank
    return None


def require_alike(notice: Notice, environ: Mapping[str, str]) -> None:
    """Looks whether this machine can take part.

    Raises:
        StageError: it has other versions of packages, or too few GPUs.
    """
    here = versions()
    names = sorted({*here, *notice.versions})
    other = [name for name in names if here.get(name) != notice.versions.get(name)]
    if other:
        name = other[0]
        there, mine = notice.versions.get(name, "none"), here.get(name, "none")
        message = f"the training runs with {name} {there}, and this machine has {mine}"
        raise StageError(message, help="install what the first machine has; nothing was started")
    wanted, gpus = notice.gpus // notice.machines, gpus_here(environ)
    if wanted > gpus:
        message = f"the training takes {wanted} GPUs of each machine, and there are {gpus} here"
        raise StageError(message, help="join it from a machine that has them")


def join(path: Path, notice: Notice, rank: int) -> int:
    """Runs this machine's part of a training.

    Args:
        path: of the notice, which is looked at while it runs.
        notice: of the training.
        rank: of this machine among those that train.

    Returns:
        The exit code; 0 as well where the training was over before this part ended.
    """
    hardware, parent = notice.hardware(), os.getpid()
    with tempfile.TemporaryDirectory() as folder:
        settings = configure(hardware, Path(folder), rank=rank)
        process = subprocess.Popen(
            command(settings, Path(notice.config)),
            env=environment_of(hardware, os.environ),
            # The only way to ask this of the kernel before the launcher runs.
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
        )
        try:
            while process.poll() is None:
                if not _is_on(path, notice):
                    _end(process)
                    return 0
                time.sleep(LOOK_SECONDS)
        except BaseException:
            process.terminate()
            raise
    if as_shells(process.returncode) == ABORTED:
        # It may have lost the processes of a machine that has said why it failed.
        return 1 if read(Path(notice.config), TrainingConfig).failure.is_file() else ABORTED
    return process.returncode


def _is_on(path: Path, notice: Notice) -> bool:
    """Whether the attempt that was joined still is the one that is announced."""
    found = read_notice(path)
    return found is not None and found.attempt == notice.attempt


def _end(process: subprocess.Popen[bytes]) -> None:
    """Lets the processes of an attempt that is over end by themselves, and else ends them."""
    for end in (process.poll, process.terminate, process.kill):
        end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_SECONDS)
            return


def help_out(layout: Layout, *, once: bool, say: Callable[[str], None]) -> int:
    """Joins trainings of a repository, one after the other, for as long as this process runs.

    Args:
        layout: the repository, on a file system that it shares with the first machine.
        once: whether to end after one training.
        say: takes what a person is told.

    Returns:
        The exit code of the training, with `once`.

    Raises:
        StageError: this machine cannot take part.
    """
    say(f"waiting for trainings of {layout.root} that take several machines; Ctrl-C ends it")
    for path, notice, rank in parts(layout):
        say(f"joined {path.parent.parent.name} as machine {rank + 1} of {notice.machines}")
        code = join(path, notice, rank)
        say("it is done" if code == 0 else f"it failed with exit code {code}")
        if once:
            return code
    raise AssertionError  # it looks for ever


def parts(layout: Layout) -> Iterator[tuple[Path, Notice, int]]:
    """The trainings of a repository in which this machine has a part, as they come.

    Yields:
        The place of the notice, the notice, and the rank of this machine. It never ends.

    Args:
        layout: the repository.

    Raises:
        StageError: this machine cannot take part.
    """
    tried = set[str]()
    while True:
        for path in notices(layout):
            notice = read_notice(path)
            if notice is None or notice.attempt in tried:
                continue
            require_alike(notice, os.environ)
            rank = take(path, notice)
            tried.add(notice.attempt)
            if rank is not None:
                yield path, notice, rank
        time.sleep(LOOK_SECONDS)
