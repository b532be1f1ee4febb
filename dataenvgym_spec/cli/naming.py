"""The spec files that names on a command line stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import SpecError, UserError, suggest
from dataenvgym_spec.core.paths import is_file
from dataenvgym_spec.records.experiment import SPECS
from dataenvgym_spec.resolve.extends import read_family
from dataenvgym_spec.resolve.resolve import experiments_of
from dataenvgym_spec.store.indexes import compiled, specs_of
from dataenvgym_spec.store.layout import Layout

FIRST: Final = "run: dataenvgym init   (it adds a spec to begin with), or write one"
"""What to do where there is no spec."""

Chosen = tuple[Path, set[str] | None]
"""A file, and the experiments in it that are meant (None: all)."""


def chosen_files(
    names: Sequence[str], layout: Layout, sets: Sequence[str]
) -> dict[Path, set[str] | None]:
    """The files that names stand for, and the experiments in each that are meant (None: all).

    A name is the path of a spec, or what an active spec or a compiled experiment is called.

    Raises:
        UserError: there is none of a name.
    """
    chosen: dict[Path, set[str] | None] = {}
    for name in names:
        path, only = _find(name, layout, sets)
        path = _as_named_before(path, chosen)
        before = chosen.get(path, set())
        # A file that one argument names whole is whole, whatever others name of it.
        chosen[path] = None if only is None or before is None else before | only
    return chosen


def _as_named_before(path: Path, chosen: dict[Path, set[str] | None]) -> Path:
    """A path, as another argument has spelled it."""
    if not is_file(path):
        return path
    same = (other for other in chosen if is_file(other) and other.samefile(path))
    return next(same, path)


def _find(name: str, layout: Layout, sets: Sequence[str]) -> Chosen:
    """The file that a name stands for, and the experiments in it that are meant."""
    path = Path(name)
    if path.suffix in SPECS or is_file(name):
        return path, None
    names: set[str] = set()
    # The file of that name comes first; the others are read only if it is not the one.
    active = sorted(layout.specs(), key=lambda item: item.stem != name)
    for candidate in chain(active, compiled_from(name, layout)):
        try:
            spec, experiments = experiments_of(candidate, root=layout.root, sets=sets)
        except SpecError:
            if candidate.stem == name:
                return candidate, None
            names.add(candidate.stem)
            continue  # what is wrong with another file is not what was asked
        if name in (candidate.stem, spec):
            return candidate, None
        if name in experiments:
            return candidate, {name}
        # A spec that lacks its name has an empty one.
        names.update(filter(None, (candidate.stem, spec, *experiments)))
    message = f"there is no experiment '{name}'"
    raise UserError(message, help=_remedy(name, names, layout))


def compiled_from(name: str, layout: Layout) -> Iterator[Path]:
    """The specs that a compiled experiment or sweep was made from: its own, then its parents."""
    sizes = {}
    for shown in specs_of(name, layout):
        path = layout.root / shown
        try:
            sizes[path] = len(read_family(path, root=layout.root).layers)
        except SpecError:
            continue
    yield from sorted(sizes, key=lambda path: -sizes[path])


def _remedy(name: str, names: set[str], layout: Layout) -> str:
    """What to do where neither an active spec nor a compiled experiment has a name.

    Args:
        name: what was asked for.
        names: what there is.
        layout: the repository.
    """
    if sources := specs_of(name, layout):
        return f"it was compiled from {', '.join(sources)}: give the path of its spec"
    if path := _idle(name, layout):
        return f"give the path of its spec: {os.path.relpath(path)}"
    names |= set(compiled(layout))
    if not names:
        return FIRST
    return f"{suggest(name, names)}   (a spec that is not in specs/*.yaml: give its path)"


def _idle(name: str, layout: Layout) -> Path | None:
    """A spec in a folder of `specs/` by its name: it is active only where its path is given."""
    paths = sorted((layout.root / "specs").rglob("*.yaml"), key=lambda path: path.stem != name)
    for path in paths:
        try:
            spec, experiments = experiments_of(path, root=layout.root)
        except SpecError:
            continue
        if name in (path.stem, spec, *experiments):
            return path
    return None
