"""Entries of DVC's run cache by the hashes that stand in them: a sweep's are tens of thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

HASH: Final = re.compile(r"\b[0-9a-f]{32}\b")


class RunCache:
    """The texts of entries, in an order that is kept.

    Args of the constructor:
        texts: of the entries, as DVC writes them.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._naming: dict[str, list[str]] = {}
        for text in texts:
            # Read as YAML each would take a hundred times as long.
            for digest in dict.fromkeys(HASH.findall(text)):
                self._naming.setdefault(digest, []).append(text)

    def naming(self, digest: str) -> list[str]:
        """The texts in which the hash of a file or directory stands."""
        return self._naming.get(digest.removesuffix(".dir"), [])
