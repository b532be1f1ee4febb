"""The services that the specs of a repository ask: their keys, and what a user says of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

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


def readable(layout: Layout) -> tuple[Resolved, ...]:
    """The specs of a repository; one that cannot be read says so elsewhere."""
    return tuple(spec for path in layout.specs() for spec in _of_file(path, layout.root))


def asked(specs: Iterable[Resolved], environ: Mapping[str, str]) -> tuple[Asked, ...]:
    """The services that some specs ask.

    Args:
        specs: of a repository.
        environ: the environment.
    """
    return tuple(one for spec in specs for one in _of_spec(spec, environ))


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


def _of_file(path: Path, root: Path) -> tuple[Resolved, ...]:
    try:
        return tuple(front_end([path], root=root, locks="ignore"))
    except (SpecError, UserError):
        return ()


def _of_spec(spec: Resolved, environ: Mapping[str, str]) -> Iterator[Asked]:
    file = PurePath(spec.path).name
    for arm in spec.arms:
        for slot, _, options in arm.experiment.components():
            item = definition(slot, options["kind"])
            found = service(item, options, environ)
            if found is not None:
                is_outside = bool(item.marked("x-command"))
                yield Asked(file=file, slot=slot, outside=is_outside, service=found)
