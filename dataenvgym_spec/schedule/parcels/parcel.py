"""What goes to another machine to have a stage done there, and what comes back.

Results are not in it: they lie in a cache of DVC that both see, or go through DVC's remote.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import msgspec

import dataenvgym_spec
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import file_digest, folder_digest
from dataenvgym_spec.core.machine import versions
from dataenvgym_spec.schedule.protocol import Shard

SOURCE: Final = "source of dataenvgym-spec"
SAME: Final = "install the same releases on all machines of a run"
_SOURCES: Final = (".py", ".json")


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The clone that a parcel is from.

    Attributes:
        root: its path on the machine that drives the run.
        token: its mark, see `store.mark`; it tells clones apart.
        shared: whether nodes are to see the same files at the same path.
    """

    root: str
    token: str
    shared: bool


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A stage, and all that another machine needs to run it besides results.

    Attributes:
        stage: its directory.
        home: the clone that it is from.
        files: what is written there, by paths in a repository.
        private: the same, for what is removed afterwards: the config that holds credentials.
        executable: which of the files are.
        links: the user's files that are brought from where they lie, for nodes that see them.
        reads: the outs that DVC has to bring, as it names them.
        versions: of the packages that can change a result, on the machine that drives the run.
        experiment: the one that it is run for; None for any.
        variables: of the environment.
        defaults: the same, for machines that do not say otherwise.
        shard: the part of it that is to be done; None for all of it.
        since: the last number of the log of the stage's lease when it was packed.
    """

    stage: str
    home: Home
    files: dict[str, bytes]
    private: dict[str, bytes] = {}
    executable: tuple[str, ...] = ()
    links: dict[str, str] = {}
    reads: tuple[str, ...] = ()
    versions: dict[str, str] = {}
    experiment: str | None = None
    variables: dict[str, str] = {}
    defaults: dict[str, str] = {}
    shard: Shard | None = None
    since: int = 0

    @property
    def name(self) -> str:
        """What tells it from others that are done at the same time."""
        return self.stage if self.shard is None else f"{self.stage}.{self.shard.name}"

    def pack(self) -> bytes:
        """The parcel as it travels."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def unpack(cls, content: bytes) -> Parcel:
        """What travelled.

        Raises:
            StageError: it is no parcel, or one of another release.
        """
        return _decoded(content, cls)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a parcel.

    Attributes:
        code: DVC's exit code; 0 if the stage is done.
        place: the machine.
        fault: whether something failed that is not the stage: another try may go well.
        said: what went wrong, in a line; empty if nothing did, or if the stage itself says it.
        lock: the text of the stage's `dvc.lock`.
        runs: what DVC's run cache holds of it, by path in the cache.
        failure: why the stage failed, in full.
        answers: of a shard, its file.
        since: the number in the log of the stage's lease since which no other result may have been
            published: that of the lease under which it was made, or that of its parcel.
    """

    code: int
    place: str
    fault: bool = False
    said: str = ""
    lock: str = ""
    runs: dict[str, str] = {}
    failure: str = ""
    answers: bytes = b""
    since: int = 0

    def pack(self) -> bytes:
        """The outcome as it travels."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def unpack(cls, content: bytes) -> Outcome:
        """What travelled.

        Raises:
            StageError: it is no outcome, or one of another release.
        """
        return _decoded(content, cls)


Sent = TypeVar("Sent", Parcel, Outcome)


def _decoded(content: bytes, kind: type[Sent]) -> Sent:
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        message = f"what another machine sent cannot be read: {error}"
        raise StageError(
            message, help="install the same dataenvgym-spec on all machines"
        ) from error


@cache
def here() -> dict[str, str]:
    """The versions of this machine that every machine of a run has to have."""
    return {**versions(("dvc",)), SOURCE: _source()}


def differences(theirs: dict[str, str], ours: dict[str, str]) -> list[str]:
    """Which packages two machines both have, in different releases.

    A build for another device, as `2.13.0+cpu` is one, is no other release.

    >>> differences({"torch": "2.13.0+cpu", "dvc": "3.1"}, {"torch": "2.13.0", "dvc": "3.2"})
    ['dvc 3.1 and 3.2']
    """
    found = []
    for name in sorted(theirs.keys() & ours.keys()):
        first, second = (of[name].partition("+")[0] for of in (theirs, ours))
        if first != second and not name.startswith("nvidia-"):
            found.append(f"{name} {first[:12]} and {second[:12]}")
    return found


def _source() -> str:
    """What the code of this package is: two checkouts of one release may differ."""
    top = Path(dataenvgym_spec.__file__).parent
    paths = (path for path in sorted(top.rglob("*")) if path.suffix in _SOURCES)
    return folder_digest({path.relative_to(top).as_posix(): file_digest(path) for path in paths})
