"""The keys of services that the specs of a repository need, and whether they are set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import service
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.store.layout import Layout


def needed(layout: Layout, environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The variables that hold keys, each with the spec files whose components need it.

    A spec that cannot be read says so elsewhere.

    Args:
        layout: the repository.
        environ: the environment.
    """
    found: dict[str, tuple[str, ...]] = {}
    for path in layout.specs():
        for variable in sorted(_of_file(path, layout.root, environ)):
            found[variable] = (*found.get(variable, ()), path.name)
    return dict(sorted(found.items()))


def is_set(variable: str, environ: Mapping[str, str]) -> bool:
    """Whether there is a key; what it is, nobody looks at."""
    return bool(environ.get(variable, "").strip())


def _of_file(path: Path, root: Path, environ: Mapping[str, str]) -> set[str]:
    try:
        specs = front_end([path], root=root, locks="ignore")
    except (SpecError, UserError):
        return set()
    return {variable for spec in specs for variable in _of_spec(spec, environ)}


def _of_spec(spec: Resolved, environ: Mapping[str, str]) -> Iterator[str]:
    for arm in spec.arms:
        for slot, _, options in arm.experiment.components():
            asked = service(definition(slot, options["kind"]), options, environ)
            if asked is not None and asked.secret:
                yield asked.secret
