"""Resolved specs against a lock: what is not pinned, what differs, and what a new lock holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.fields import Options
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.lockfile import Fingerprint, Lock, Reference, Version

UPDATE = "dataenvgym lock --update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What some specs name that a lock can hold, as it is here and now; `hub` with the place of each revision in a spec."""

    hub: dict[Reference, Node] = field(default_factory=dict)
    files: dict[str, Fingerprint] = field(default_factory=dict)
    components: dict[str, Version] = field(default_factory=dict)
    stages: dict[str, int] = field(
        default_factory=lambda: {name: kind.semantics for name, kind in KINDS.items()}
    )


def check(resolved: Resolved, lock: Lock) -> list[Diagnostic]:
    """Revisions that could move, and what is not what the lock says."""
    found: list[Diagnostic] = []
    for arm in resolved.arms:
        found += _unpinned(arm, _named(resolved), lock)
        found += _differences(arm, lock)
    return [*found, *_stages(lock)]


def _unpinned(arm: Arm, name: str, lock: Lock) -> Iterator[Diagnostic]:
    for path, reference in arm.revisions.items():
        if not reference.is_commit and reference not in lock.hub:
            message = f"'{reference.revision}' of the {reference.type} '{reference.id}' is a branch or tag, which can move"
            yield arm.node.at(path).fault(
                "E209", message, f"run: dataenvgym lock {name}   (or write a commit: 40 hex digits)"
            )


def _differences(arm: Arm, lock: Lock) -> Iterator[Diagnostic]:
    if lock.components:
        for slot, path, options in arm.experiment.components():
            yield from _component(arm, slot, path, options, lock)
    for place, file in arm.references.items() if lock.files else ():
        held = lock.files.get(file.path)
        if held is not None and file.is_data and held.sha256 != file.digest:
            here = _content(Fingerprint(sha256=file.digest, rows=file.rows))
            message = f"the file '{file.path}' changed: it was locked with {_content(held)}, and holds {here}"
            yield _differs(
                arm.node.at(place),
                message,
                f"bring it back, or accept what it holds: {UPDATE}",
                lock.place("files", file.path),
            )


def _component(
    arm: Arm, slot: str, path: tuple[str, ...], options: Options, lock: Lock
) -> Iterator[Diagnostic]:
    name = f"{slot}.{options['kind']}"
    held, here = lock.components.get(name), _version(slot, options["kind"])
    if held is not None and held.version != here.version:
        node = arm.node.at((*path, "kind"))
        installed = f"version {here.version} is installed ({here.distribution} {here.release})"
        message = f"the {slot} '{options['kind']}' was locked at version {held.version} ({held.distribution} {held.release}), but {installed}"
        help = f"install {held.distribution} {held.release}, or accept what is installed: {UPDATE}"
        yield _differs(node, message, help, lock.place("components", name))


def _stages(lock: Lock) -> Iterator[Diagnostic]:
    for name, number in lock.stages.items():
        here = KINDS[name].semantics if name in KINDS else None
        node = lock.place("stages", name)
        if here != number and node is not None:
            installed = (
                f"version {here} is installed"
                if here is not None
                else "the installed version has no such stages"
            )
            message = f"stages of kind '{name}' were locked at version {number}, but {installed}"
            yield node.key_fault(
                "E210",
                message,
                f"install the release of dataenvgym-spec that the lock was written with, or: {UPDATE}",
            )


def _differs(node: Node, message: str, help: str, place: Node | None) -> Diagnostic:
    notes = (f"locked at {place.key or place.span}",) if place is not None else ()
    return Diagnostic(code="E210", message=message, span=node.span, help=help, notes=notes)


def _content(held: Fingerprint) -> str:
    rows = f"{held.rows} rows, " if held.rows is not None else ""
    return f"{rows}sha256 {held.sha256[:12]}"


def _named(resolved: Resolved) -> str:
    """What the command line calls a spec: its name if it is an active one, else its path."""
    active = PurePath(resolved.path).parent == PurePath("specs")
    return (resolved.sweep or resolved.base.name) if active else resolved.path


def _version(slot: str, kind: str) -> Version:
    item = definition(slot, kind)
    return Version(
        version=item.version(),
        distribution=item.distribution or "dataenvgym-spec",
        release=item.release(),
    )


def wanted(specs: Iterable[Resolved]) -> Wanted:
    """What specs name; resolved without a lock, so that revisions are as they were written."""
    found = Wanted()
    for arm in (arm for spec in specs for arm in spec.arms):
        found.hub.update(
            {item: arm.node.at(path) for path, item in arm.revisions.items() if not item.is_commit}
        )
        found.files.update(
            {
                file.path: Fingerprint(sha256=file.digest, rows=file.rows)
                for file in arm.references.values()
                if file.is_data
            }
        )
        named = {(slot, str(options["kind"])) for slot, _, options in arm.experiment.components()}
        found.components.update(
            {
                f"{slot}.{kind}": _version(slot, kind)
                for slot, kind in named
                if f"{slot}.{kind}" not in found.components
            }
        )
    return found


def renewed(
    old: Lock, wanted: Wanted, answers: Mapping[Reference, str], *, update: bool, keep: bool
) -> Lock:
    """A lock that holds what is wanted: what the old one says of it, the rest as it is here and now.

    Args:
        old: the lock as it was.
        wanted: what specs name.
        answers: the commits of revisions that the old lock's word does not settle.
        update: whether the old lock's word does not count.
        keep: whether to keep what the old lock holds beyond what is wanted.
    """
    told, rest = Lock() if update else old, old if keep else Lock()
    return Lock(
        hub={**rest.hub, **{item: told.hub.get(item) or answers[item] for item in wanted.hub}},
        files={
            **rest.files,
            **wanted.files,
            **{path: item for path, item in told.files.items() if path in wanted.files},
        },
        components={
            **rest.components,
            **wanted.components,
            **{name: item for name, item in told.components.items() if name in wanted.components},
        },
        stages={**wanted.stages, **told.stages},
    )
