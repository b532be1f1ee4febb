"""The services that the specs of a repository ask: their keys, and what a user says of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.language.addresses import unfit_key
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import Service, service
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A service that a spec asks.

    Attributes:
        file: of the spec.
        slot: of the component that asks it.
        outside: whether the user alone says what its name means.
        service: as this environment reaches it.
    """

    file: str
    slot: str
    outside: bool
    service: Service


def asked(layout: Layout, environ: Mapping[str, str]) -> tuple[Asked, ...]:
    """The services that the specs of a repository ask.

    A spec that cannot be read says so elsewhere.

    Args:
        layout: the repository.
        environ: the environment.
    """
    return tuple(one for path in layout.specs() for one in _of_file(path, layout.root, environ))


def needed(services: tuple[Asked, ...]) -> dict[str, tuple[str, ...]]:
    """The variables that hold keys, each with the spec files whose components need it."""
    found: dict[str, dict[str, None]] = {}
    for one in services:
        if one.service.secret:
            found.setdefault(one.service.secret, {})[one.file] = None
    return {variable: tuple(files) for variable, files in sorted(found.items())}


def outside(services: tuple[Asked, ...]) -> dict[str, Asked]:
    """The components whose names the user explains, each once: `policy my-policy`."""
    return {f"{one.slot} {one.service.provider}": one for one in services if one.outside}


def state_of(variable: str, environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether there is a key that can be sent, and that in words; what it is, nobody is told."""
    key = environ.get(variable, "").strip()
    if not key:
        return False, "not set"
    unfit = unfit_key(key)
    return not unfit, f"set, but {unfit}" if unfit else "set"


def _of_file(path: Path, root: Path, environ: Mapping[str, str]) -> list[Asked]:
    try:
        specs = front_end([path], root=root, locks="ignore")
    except (SpecError, UserError):
        return []
    return [one for spec in specs for one in _of_spec(spec, path.name, environ)]


def _of_spec(spec: Resolved, file: str, environ: Mapping[str, str]) -> Iterator[Asked]:
    for arm in spec.arms:
        for slot, _, options in arm.experiment.components():
            item = definition(slot, options["kind"])
            found = service(item, options, environ)
            if found is not None:
                is_outside = bool(item.marked("x-command"))
                yield Asked(file=file, slot=slot, outside=is_outside, service=found)
