"""Identity: the only module that hashes.

Everything is hashed as canonical JSON under a tag for its kind, so that values of two kinds never
share a digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SHORT: Final = 16
_SMALL: Final = 1 << 16
"""Bytes up to which a file is read at once."""

STEADY: Final = {"PYTHONHASHSEED": "0"}
"""The environment of a process in which the order of a set of texts is that of every other one.

Some data sets of reasoning-gym draw from sets.
"""


# `json.dumps` would make another one for each of the tens of thousands of values of a sweep. NaN
# and infinity are no JSON: other readers would refuse the text.
_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no white space.

    >>> canonical({"b": 1, "a": [1.5, "x"]})
    '{"a":[1.5,"x"],"b":1}'
    """
    return _ENCODER.encode(value)


class Canonical:
    """`canonical` with a cache by identity, for objects that a graph holds in many places."""

    def __init__(self) -> None:
        # The value is stored with its text: as long as it lives, no other object gets its id.
        self._texts: dict[int, tuple[Any, str]] = {}

    def __call__(self, value: Any) -> str:
        """The same text as `canonical`."""
        cached = self._texts.get(id(value))
        if cached is None:
            cached = (value, canonical(value))
            self._texts[id(value)] = cached
        return cached[1]


def digest(tag: str, value: Any) -> str:
    """SHA-256 of a value under a tag, as 64 hex digits.

    >>> digest("a", 1) == digest("b", 1)
    False
    """
    return digest_canonical(tag, canonical(value))


def digest_canonical(tag: str, text: str) -> str:
    """SHA-256 of canonical JSON under a tag: `digest` of the value that the text encodes."""
    return sha256_text(f"{tag}\0{text}")


def text_digest(text: str) -> str:
    """SHA-256 of a text, as 64 hex digits."""
    return digest("text", text)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as 64 hex digits. A folder's is `contents.Contents.digest`."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def bytes_digest(content: bytes) -> str:
    """SHA-256 of bytes, as a file that holds them has it."""
    return hashlib.sha256(content).hexdigest()


def folder_digest(digests: Mapping[str, str]) -> str:
    """SHA-256 of a folder, as 64 hex digits.

    Args:
        digests: those of its files by relative path, in order; see `folders.files_of`.
    """
    return digest("directory", [list(row) for row in digests.items()])


def sha256_text(text: str) -> str:
    """SHA-256 of a text's bytes: DVC's key of a run."""
    return hashlib.sha256(text.encode()).hexdigest()


def md5_file(path: Path) -> str:
    """MD5 of a file's bytes: DVC's identity of the file."""
    with path.open("rb") as handle:
        start = handle.read(_SMALL)
        if len(start) < _SMALL:  # `file_digest` makes a large buffer first
            return hashlib.md5(start, usedforsecurity=False).hexdigest()
        handle.seek(0)
        return hashlib.file_digest(handle, "md5").hexdigest()


def md5_text(text: str) -> str:
    """MD5 of a text: DVC's identity of a file that holds it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def unit_interval(tag: str, value: Any) -> float:
    """A number in [0, 1) that depends on nothing but the value: 52 bits of its digest."""
    # 13 hex digits are 52 bits, which a float holds exactly.
    return int(digest(tag, value)[:13], 16) / 16**13


def short_number(tag: str, text: str) -> int:
    """48 bits of a text's digest under a tag: for many short texts, and exact in any JSON reader.

    >>> short_number("a", "x") == short_number("b", "x")
    False
    """
    made = hashlib.blake2b(text.encode(), digest_size=6, person=tag.encode())
    return int.from_bytes(made.digest(), "big")


def seed_from(*parts: Any) -> int:
    """A 31-bit seed derived from parts such as the run's seed, the iteration and the round."""
    return int(digest("seed", list(parts))[:8], 16) & 0x7FFFFFFF


def salted(seed: int, salt: int | None) -> int:
    """A seed under a salt; without one it is the seed itself.

    >>> salted(3, None), salted(3, 1) == salted(3, 2)
    (3, False)
    """
    return seed if salt is None else seed_from("salted", seed, salt)
