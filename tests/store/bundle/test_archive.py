"""The archive: the same contents are the same bytes, and nothing but plain members comes out."""

import gzip
import io
import os
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.store.bundle import archive
from dataenvgym_spec.store.bundle.archive import HEAD, pack, read_manifest, unpack
from dataenvgym_spec.store.bundle.checks import check
from dataenvgym_spec.store.bundle.manifest import FORMAT, Manifest, PackedFile
from tests.support.bundles import plain, sha256, write_members

CONTENTS = [b"version: 1\n", b"x" * 5000, b""]


def described(contents: list[bytes]) -> Manifest:
    rows = []
    for number, content in enumerate(contents):
        path = "specs/a.yaml" if number == 0 else f"data/{number}.txt"
        rows.append(PackedFile(path=path, bytes=len(content), sha256=sha256(content)))
    return Manifest(
        format=FORMAT,
        name="a",
        spec="specs/a.yaml",
        versions={},
        parts=(),
        files=tuple(rows),
        stages=(),
        experiments=(),
        objects=(),
        withheld=(),
        journal=None,
        absent=(),
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return packed(tmp_path / "b.tar.gz", tmp_path)


def packed(target: Path, folder: Path) -> Path:
    files = {}
    for number, content in enumerate(CONTENTS):
        path = folder / f"{number}.in"
        path.write_bytes(content)
        files[sha256(content)] = path
    pack(target, json_text(described(CONTENTS)).encode(), files)
    return target


def opened(bundle: Path, folder: Path) -> set[str]:
    manifest = read_manifest(bundle)
    check(manifest, bundle.stat().st_size)
    folder.mkdir()
    unpack(bundle, manifest, folder)
    return {path.name for path in folder.iterdir()}


def test_what_is_packed_comes_out(bundle: Path, tmp_path: Path) -> None:
    assert opened(bundle, tmp_path / "out") == {sha256(content) for content in CONTENTS}
    for path in (tmp_path / "out").iterdir():
        assert file_digest(path) == path.name
    with tarfile.open(bundle) as members:
        first, *others = members.getmembers()
    assert first.name == HEAD
    assert [item.name for item in others] == sorted(item.name for item in others)
    assert {(item.mtime, item.uid, item.gid, item.uname) for item in others} == {(0, 0, 0, "")}


def test_the_same_contents_are_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    again = packed(tmp_path / "later" / "other name.gz", tmp_path / "later")
    os.utime(again, (1, 1))
    assert again.read_bytes() == bundle.read_bytes()


def test_a_file_that_changes_while_it_is_packed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"other")
    with pytest.raises(UserError, match="changed while it was packed"):
        pack(tmp_path / "b.tar.gz", b"{}", {sha256(b"first"): path})
    assert [item.name for item in tmp_path.iterdir()] == ["data"]


def read(archive: tarfile.TarFile, item: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(item)
    assert content is not None
    return content.read()


def member(name: str, data: bytes, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return plain(name, data, **more), data


def rewritten(bundle: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], Any]) -> Path:
    """A bundle whose members were changed."""
    with tarfile.open(bundle) as old:
        members = [(item, read(old, item)) for item in old]
    change(members)
    return write_members(bundle, members)


LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
HOSTILE: dict[str, Callable[[list[tuple[tarfile.TarInfo, bytes]]], Any]] = {
    "a path": lambda members: members.append(member("../../evil", b"x")),
    "an absolute path": lambda members: members.append(member("/tmp/evil", b"x")),
    "one too many": lambda members: members.append(member(sha256(b"y"), b"y")),
    "one twice": lambda members: members.append(members[-1]),
    "one missing": lambda members: members.pop(),
    "the manifest twice": lambda members: members.append(members[0]),
    "the manifest last": lambda members: members.append(members.pop(0)),
    "no manifest": lambda members: members.pop(0),
    "no members": lambda members: members.clear(),
    "a link": lambda members: members.insert(1, member("link", b"", **LINK)),
    "a link in the place of a member": lambda members: members.insert(
        1, member(members.pop()[0].name, b"", **LINK)
    ),
    "a hard link": lambda members: members.insert(
        1, member("hard", b"", type=tarfile.LNKTYPE, linkname=HEAD)
    ),
    "a device": lambda members: members.insert(1, member("null", b"", type=tarfile.CHRTYPE)),
    "a pipe": lambda members: members.insert(1, member("pipe", b"", type=tarfile.FIFOTYPE)),
    "a folder": lambda members: members.insert(1, member("folder", b"", type=tarfile.DIRTYPE)),
    "a sparse file": lambda members: members.insert(
        1, member("sparse", b"", type=tarfile.GNUTYPE_SPARSE)
    ),
    "a long name": lambda members: members.append(member("x" * 5000, b"x")),
    "other bytes of the same length": lambda members: members.__setitem__(
        slice(None),
        [(item, b"?" * len(data) if len(data) == 5000 else data) for item, data in members],
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_plain_member_is_refused(name: str, bundle: Path, tmp_path: Path) -> None:
    rewritten(bundle, HOSTILE[name])
    with pytest.raises(UserError, match="refused"):
        opened(bundle, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} <= {"b.tar.gz", "out", "0.in", "1.in", "2.in"}


def test_a_headers_own_idea_of_the_next_header_is_not_followed(tmp_path: Path) -> None:
    """`tarfile` reads such a header whole, and this one says that it is a gigabyte long."""
    head = plain("x", b"", type=tarfile.XHDTYPE)
    head.size = 1 << 30
    target = tmp_path / "b.tar.gz"
    with gzip.open(target, "wb") as zipped:
        zipped.write(head.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(64):
            zipped.write(bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="plain file"):
        read_manifest(target)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10


def test_a_manifest_without_end_is_not_read(tmp_path: Path) -> None:
    head = tarfile.TarInfo(HEAD)
    head.size = archive.LARGEST_HEAD + 1
    target = tmp_path / "b.tar.gz"
    with gzip.open(target, "wb") as zipped:
        zipped.write(head.tobuf(tarfile.USTAR_FORMAT))
    with pytest.raises(UserError, match="does not begin"):
        read_manifest(target)


@pytest.mark.parametrize("size", [-1, -(1 << 40)])
def test_a_negative_size(size: int, tmp_path: Path) -> None:
    head = tarfile.TarInfo(HEAD)
    head.size = size
    target = tmp_path / "b.tar.gz"
    target.write_bytes(gzip.compress(head.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(UserError, match="plain file"):
        read_manifest(target)


def test_something_behind_the_end(bundle: Path, tmp_path: Path) -> None:
    bundle.write_bytes(gzip.compress(gzip.decompress(bundle.read_bytes()) + b"more"))
    with pytest.raises(UserError, match="behind its end"):
        opened(bundle, tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        gzip.compress(b""),
        gzip.compress(b"x" * 512),
        gzip.compress(bytes(10_240)),
        b"\x1f\x8b" + b"\xff" * 100,
        b"PK\x03\x04",
    ],
)
def test_what_is_no_bundle(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(UserError, match="refused"):
        read_manifest(tmp_path / "b")


def test_a_torn_file(bundle: Path, tmp_path: Path) -> None:
    whole = bundle.read_bytes()
    for number, length in enumerate((1, 20, len(whole) // 2, len(whole) - 1)):
        bundle.write_bytes(whole[:length])
        with pytest.raises(UserError, match="refused"):
            opened(bundle, tmp_path / f"out{number}")


def test_every_flipped_byte_is_noticed_or_harmless(bundle: Path, tmp_path: Path) -> None:
    whole = bundle.read_bytes()
    for place in range(0, len(whole), 7):
        torn = bytearray(whole)
        torn[place] ^= 0x55
        bundle.write_bytes(torn)
        try:
            names = opened(bundle, tmp_path / f"out{place}")
        except UserError:
            continue
        # Only what gzip does not look at: its flags of the system, and times.
        assert place < 10
        assert names == {sha256(content) for content in CONTENTS}


def test_a_stream_is_read_in_parts(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 3))

    assert archive._exactly(Slow(b"abcdefgh"), 8) == b"abcdefgh"
    with pytest.raises(EOFError):
        archive._exactly(Slow(b"abc"), 4)
