"""Whether an experiment is still what its spec says: files that were edited after `compile`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.records.experiment import SPECS
from dataenvgym_spec.results.experiment import Results

LARGEST: Final = 1_000_000
"""Bytes of a file that is compared. Of larger ones, a stage that reads them checks the digest."""


def edited(results: Results) -> tuple[str, ...]:
    """The specs and texts of an experiment that differ from what was compiled."""
    inputs = results.index.inputs
    root = results.layout.root
    return tuple(name for name, digest in inputs.items() if _differs(root / name, digest))


def notice(name: str, paths: Iterable[str]) -> str:
    """What to say of files that were edited; empty if there are none."""
    named = ", ".join(paths)
    if not named:
        return ""
    what = f"{named} changed after 'dataenvgym compile', and '{name}' does not know it yet"
    return f"{what}; run: dataenvgym plan {name}, then: dataenvgym compile"


def _differs(path: Path, digest: str) -> bool:
    try:
        if not path.is_file():
            return path.suffix in SPECS
        return path.stat().st_size <= LARGEST and file_digest(path) != digest
    except OSError:
        return True
