"""Identity: the only module that hashes. Everything is hashed as canonical JSON under a tag for its kind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

SHORT: Final = 16


def canonical(value: Any) -> str:
    """JSON with sorted keys and no white space.

    >>> canonical({"b": 1, "a": [1.5, "x"]})
    '{"a":[1.5,"x"],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


class Canonical:
    """Canonical JSON of values that stand in many places as one object: made once for each."""

    def __init__(self) -> None:
        # A value is kept with its text, so that no other can come to have its id.
        self._known: dict[int, tuple[Any, str]] = {}

    def __call__(self, value: Any) -> str:
        """What `canonical` gives."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = value, canonical(value)
        return known[1]


def digest(tag: str, value: Any) -> str:
    """SHA-256 of a value under a tag, as 64 hex digits.

    >>> digest("a", 1) == digest("b", 1)
    False
    """
    return digest_canonical(tag, canonical(value))


def digest_canonical(tag: str, text: str) -> str:
    """SHA-256 of what is canonical JSON already, under a tag: what `digest` gives for the value."""
    return hashlib.sha256(f"{tag}\0{text}".encode()).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 of a text, as 64 hex digits."""
    return digest("text", text)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a directory's relative paths and bytes, as 64 hex digits."""
    if path.is_dir():
        names = sorted(p for p in path.rglob("*") if p.is_file())
        return digest(
            "directory", [[p.relative_to(path).as_posix(), file_digest(p)] for p in names]
        )
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def md5_file(path: Path) -> str:
    """MD5 of a file's bytes: the identity DVC gives it."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "md5").hexdigest()


def md5_text(text: str) -> str:
    """MD5 of a text: the identity DVC gives a file that holds it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def unit_interval(tag: str, value: Any) -> float:
    """A number in [0, 1) that depends on nothing but the value: 52 bits of its digest."""
    return int(digest(tag, value)[:13], 16) / 16**13


def seed_from(*parts: Any) -> int:
    """A 31-bit seed derived from parts such as the run's seed, the iteration and the round."""
    return int(digest("seed", list(parts))[:8], 16) & 0x7FFFFFFF
