"""What a bundle says of itself: its manifest, the first member of the archive.

It is data of a stranger: `checks` looks at what it says before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.origins import Commit, DeclaredContrast
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.store.dvc.locked import LockedStage

FORMAT: Final = 2
"""Bundles of format 1 brought reports, which are made where they are read since."""
PARTS: Final = ("results", "students", "journal")
"""What travels by choice, beside specs and files."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Md5 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}(\.dir)?\Z")]
Directory = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+-[0-9a-f]{16}\Z")]
Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 45)]
Text = Annotated[str, msgspec.Meta(max_length=10_000)]
Part = Literal["results", "students", "journal"]


class Strict(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of a manifest: what it does not know, a later release has written."""


class PackedFile(Strict, frozen=True, kw_only=True):
    """A file of the repository.

    Attributes:
        path: from the repository.
        code: whether a run would execute it: a package with components, a policy's program.
    """

    path: Text
    bytes: Size
    sha256: Sha256
    code: bool = False


class PackedObject(Strict, frozen=True, kw_only=True):
    """An object of DVC's cache: a file of a result, or the listing of a folder of them."""

    md5: Md5
    bytes: Size
    sha256: Sha256


class PackedStage(Strict, frozen=True, kw_only=True):
    """A stage of an experiment.

    Attributes:
        files: by digest, how its directory in the store calls the files that it names.
        lock: what its result is; None if none travels.
    """

    directory: Directory
    key: Sha256
    files: dict[Text, Text] | None = None
    lock: LockedStage | None = None


class PackedExperiment(Strict, frozen=True, kw_only=True):
    """An experiment. Its report does not travel: it is made of the results, wherever they are.

    Attributes:
        stages: the directories of its stages.
        declared: since when its contrasts are declared, or were, as git says where the bundle was
            made.
        ends: where the history ended there, if that clone was shallow.
    """

    name: Name
    stages: tuple[Directory, ...]
    declared: tuple[DeclaredContrast, ...] = ()
    ends: Commit | None = None


class PackedJournal(Strict, frozen=True, kw_only=True):
    """The responses of teachers, one a line."""

    responses: Size
    bytes: Size
    sha256: Sha256


class Absence(Strict, frozen=True, kw_only=True):
    """What the study needs and no bundle can bring."""

    what: Text
    remedy: Text


class Manifest(Strict, frozen=True, kw_only=True):
    """All that is in a bundle.

    Attributes:
        name: of the study: its spec, or one experiment of a sweep.
        spec: the path of the spec.
        versions: of what made the bundle, by package.
        parts: what was asked to travel beside specs and files.
        withheld: objects of students that the results name and that stayed where they were.
        absent: what no bundle can bring.
    """

    format: Literal[2]
    name: Name
    spec: Text
    versions: dict[Text, Text]
    parts: tuple[Part, ...]
    files: tuple[PackedFile, ...]
    stages: tuple[PackedStage, ...]
    experiments: tuple[PackedExperiment, ...]
    objects: tuple[PackedObject, ...]
    withheld: tuple[Md5, ...]
    journal: PackedJournal | None
    absent: tuple[Absence, ...]

    def missing(self) -> list[str]:
        """The directories of the stages whose results do not travel."""
        return [stage.directory for stage in self.stages if stage.lock is None]

    def contents(self) -> dict[str, int]:
        """The sizes of what the archive holds beside the manifest, by SHA-256."""
        return dict(self.sizes())

    def sizes(self) -> Iterator[tuple[str, int]]:
        """The SHA-256 and the size of every row, as the row says it."""
        rows: list[PackedFile | PackedObject | PackedJournal] = [*self.files, *self.objects]
        if self.journal is not None:
            rows.append(self.journal)
        yield from ((row.sha256, row.bytes) for row in rows)


def parse(data: bytes) -> Manifest:
    """The manifest that bytes hold.

    Raises:
        UserError: they hold none.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            message = "the bundle was made by a later release of dataenvgym-spec"
            raise UserError(message, help="update it: pip install --upgrade dataenvgym-spec")
        if 0 < head.format < FORMAT:
            message = (
                f"the bundle is of format {head.format}, which an earlier release of "
                f"dataenvgym-spec made; this one takes format {FORMAT}, which brings no report"
            )
            help = "have it made again, by 'dataenvgym bundle' of this release where the study is"
            raise UserError(message, help=help)
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"what the bundle says of itself cannot be read: {error}"
        raise UserError(message, help="ask for it anew") from error


class _Head(msgspec.Struct):
    format: int
