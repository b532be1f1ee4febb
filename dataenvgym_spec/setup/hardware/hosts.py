"""What keeps hosts from doing a stage twice, held against this repository; for `doctor`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from dataenvgym_spec.core.dvc_config import locks_by_links, remotes
from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.hardware.leases import HOST, OBJECTS, leases_of, register_of
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.place import shared_disk

NAME = "leases"


def leases(layout: Layout, environ: Mapping[str, str]) -> list[Finding]:
    """What is found of the leases of a repository; nothing where one host's locks do."""
    try:
        said = register_of(layout, environ)
    except UserError:  # the profile has mistakes, which `hardware` tells
        return []
    place = said.at or HOST
    shared = shared_disk(layout.root)
    if place == HOST:
        return list(_alone(shared))
    detail = f"at {place}, a silent host is given up after {said.seconds:g} s"
    told = Finding(name=NAME, ok=True, detail=detail)
    return [told, *_faults(layout, environ, place), *_dvc(layout, shared)]


def _alone(shared: str) -> Iterator[Finding]:
    if shared:
        detail = f"the repository is on a disk that other hosts may see ({shared}), without leases"
        help = f"remove 'leases.at: {HOST}' from hardware.yaml if any other host uses it"
        yield Finding(name=NAME, ok=False, needed=False, detail=detail, help=help)


def _faults(layout: Layout, environ: Mapping[str, str], place: str) -> Iterator[Finding]:
    """What keeps the place from holding leases. No network is asked."""
    if place.startswith(OBJECTS):
        if find_spec("s3fs") is None:
            help = "run: pip install 'dataenvgym-spec[servers]'"
            yield Finding(name=NAME, ok=False, detail="s3fs is not installed", help=help)
        between = True
    else:
        chosen = leases_of(layout, environ)
        if chosen is None:
            return
        probe = f"doctor/{uuid.uuid4().hex}"
        try:
            chosen.register.create(probe, b"")
            chosen.register.remove(probe)
        except StageError as error:
            yield Finding(name=NAME, ok=False, detail=error.message, help=error.help)
        except OSError as error:
            detail = f"'{place}' cannot be written: {error.strerror}"
            help = "choose another place by leases.at in hardware.yaml"
            yield Finding(name=NAME, ok=False, detail=detail, help=help)
        between = chosen.between
    if between and not remotes(layout.root):
        detail = "other clones may use the same leases, and there is no remote for results"
        help = "run: dvc remote add --default NAME URL"
        yield Finding(name=NAME, ok=False, detail=detail, help=help)


def _dvc(layout: Layout, shared: str) -> Iterator[Finding]:
    if shared and not locks_by_links(layout.root):
        detail = f"DVC's own lock is one of this host alone on {shared}"
        help = "run: dvc config core.hardlink_lock true"
        yield Finding(name=NAME, ok=False, needed=False, detail=detail, help=help)
