"""Reads the spec that is rehearsed. What only its real run needs is a finding, not the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.compile.compiler import read_lock
from dataenvgym_spec.compile.rules import pins, table
from dataenvgym_spec.core.errors import Diagnostic, Span, SpecError, gathered
from dataenvgym_spec.execute.rehearsal.stand_ins import replaceable
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.lockfile import Lock
from dataenvgym_spec.resolve.resolve import examine

WANTED: Final = frozenset({"E209", "E210"})
"""What is wrong with the real run alone: revisions that can move, and a lock that differs."""
FILE: Final = "E203"
REPLACING: Final = frozenset({"kind", "files"})
"""What a definition says of a component whose files can be made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is rehearsed.

    Attributes:
        specs: the experiments of the spec, as they are meant.
        missing: what the real run lacks.
        warnings: what is odd about it.
    """

    specs: tuple[Resolved, ...]
    missing: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]


def read_script(
    path: Path, *, root: Path, sets: Sequence[str] = (), only: Collection[str] | None = None
) -> Script:
    """Resolves a spec as `validate` does.

    Args:
        path: the spec file.
        root: the repository.
        sets: settings of the command line.
        only: names of experiments; None for all.

    Raises:
        SpecError: it has an error that a rehearsal cannot do without.
    """
    lock = read_lock(path.resolve().parent, root=root) or Lock()
    specs, found = examine(path, root=root, sets=sets, only=only, lock=lock, pinned=True)
    for spec in specs:
        found += [spec.family.annotate(item) for item in table.check(spec)]
        found += [spec.family.annotate(item) for item in pins.check(spec, lock)]
    replaced = {span for spec in specs for arm in spec.arms for span in _not_here(arm)}
    missing, warnings, errors = [], [], []
    for one in found:
        if one.severity != "error":
            warnings.append(one)
        elif one.code in WANTED or (one.code == FILE and one.span in replaced):
            missing.append(one)
        else:
            errors.append(one)
    if errors or not specs:
        raise SpecError(found)
    return Script(specs=specs, missing=gathered(missing), warnings=gathered(warnings))


def _not_here(arm: Arm) -> Iterator[Span]:
    """Where an arm names files that are not here and for which something stands in."""
    for place in replaceable(arm):
        if not REPLACING & {*place.item.rehearsal}:
            continue
        for path in place.item.files:
            at = (*place.path, *path)
            file = arm.references.get(at)
            if file is not None and not file.path:
                yield arm.node.at(at).span
