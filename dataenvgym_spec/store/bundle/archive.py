"""The archive of a bundle: a tar in gzip, whose members are called by their contents.

The first member is the manifest; every other one is called by the SHA-256 of what it holds. So no
name in the archive is a path, and two files of one content are one member. The reader takes plain
files of these names and nothing else that a tar can hold.

The same contents give the same bytes: members are sorted, and have no times, owners or modes.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.store.bundle.checks import refuse
from dataenvgym_spec.store.bundle.manifest import Manifest, parse

HEAD: Final = "bundle.json"
"""The member that says what the others are."""
LARGEST_HEAD: Final = 64 << 20
"""Bytes of a manifest."""
CHUNK: Final = 1 << 20
LEVEL: Final = 6


def pack(target: Path, head: bytes, contents: Mapping[str, Path]) -> None:
    """Writes a bundle; it appears whole, or not at all.

    Args:
        target: the file.
        head: the manifest.
        contents: the files of the other members, by SHA-256.

    Raises:
        UserError: a file is no longer what it was.
        OSError: it cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            with (
                gzip.GzipFile(
                    filename="", mode="wb", compresslevel=LEVEL, fileobj=raw, mtime=0
                ) as zipped,
                tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
            ):
                archive.addfile(_member(HEAD, len(head)), io.BytesIO(head))
                for digest in sorted(contents):
                    _add(archive, digest, contents[digest])
            raw.flush()
            os.fsync(raw.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _add(archive: tarfile.TarFile, digest: str, path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as content:
        try:
            archive.addfile(_member(digest, size), content)
        except OSError as error:
            raise _changed(path) from error
    if path.stat().st_size != size or file_digest(path) != digest:
        raise _changed(path)


def _changed(path: Path) -> UserError:
    message = f"'{path}' changed while it was packed"
    return UserError(message, help="run again when nothing else is at work here")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    if size >= 8 << 30:  # what the eleven digits of the format can say
        raise UserError("a file of 8 GB or more fits into no bundle", help="leave students out")
    return member


def read_manifest(path: Path) -> Manifest:
    """What a bundle says of itself; the rest of the file is not looked at.

    Raises:
        UserError: it is no bundle.
        OSError: it cannot be read.
    """
    with _reading(path) as stream:
        return _manifest(stream)


def unpack(path: Path, manifest: Manifest, folder: Path) -> None:
    """Writes the members of a bundle into a folder, each under the name that is its content.

    Raises:
        UserError: a member is not what the manifest says, or missing, or one too many.
        OSError: the file cannot be read, or the folder not written.
    """
    waiting = manifest.contents()
    with _reading(path) as stream:
        _manifest(stream)
        for name, size in _members(stream):
            if waiting.pop(name, None) != size:
                raise refuse(f"the member '{name[:100]}' is not what it should be")
            _write(stream, folder / name, size)
            if file_digest(folder / name) != name:
                raise refuse(f"the content {name} is damaged")
    if waiting:
        raise refuse(f"{len(waiting)} of its members are missing")


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """A stream of what a file packs.

    Raises:
        UserError: it packs nothing, or is damaged.
    """
    with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as stream:
        try:
            yield cast(BinaryIO, stream)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise refuse("it is no bundle, or damaged, or torn off") from error


def _manifest(stream: BinaryIO) -> Manifest:
    name, size = next(_members(stream), ("", 0))
    if name != HEAD or size > LARGEST_HEAD:
        raise refuse("it does not begin with what a bundle says of itself")
    data = b"".join(_content(stream, size))
    return parse(data)


def _members(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    """The names and sizes of members; who iterates has read the content of each before the next."""
    while True:
        block = _exactly(stream, tarfile.BLOCKSIZE)
        if not block.strip(b"\0"):
            break
        yield _header(block)
    # What is behind the end fills up a record, and is nothing.
    padding = stream.read(tarfile.RECORDSIZE + 1)
    if len(padding) > tarfile.RECORDSIZE or padding.strip(b"\0"):
        raise refuse("something stands behind its end")


def _header(block: bytes) -> tuple[str, int]:
    """The name and size of a member, from its header.

    `tarfile` itself follows headers that say how long the next one is, however long that may be.
    """
    try:
        member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise refuse("it is no archive of plain files") from error
    if member.type != tarfile.REGTYPE or member.linkname or member.size < 0:
        raise refuse(f"the member '{member.name[:100]}' is no plain file")
    return member.name, member.size


def _write(stream: BinaryIO, path: Path, size: int) -> None:
    with path.open("xb") as target:
        for chunk in _content(stream, size):
            target.write(chunk)


def _content(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """The content of a member, with what fills up its last block left out."""
    left = size
    while left:
        chunk = _exactly(stream, min(left, CHUNK))
        left -= len(chunk)
        yield chunk
    rest = -size % tarfile.BLOCKSIZE
    if _exactly(stream, rest).strip(b"\0"):
        raise refuse("something stands between its members")


def _exactly(stream: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            raise EOFError
        size -= len(part)
        parts.append(part)
    return b"".join(parts)
