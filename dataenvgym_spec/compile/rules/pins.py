"""Nothing differs from the lock beside a spec. That every revision is pinned is `resolve`'s."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.renewal import installed_version
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.language.fields import Options
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.lockfile import Fingerprint, Lock

UPDATE = "dataenvgym lock --update"


def check(resolved: Resolved, lock: Lock) -> list[Diagnostic]:
    """What differs from the lock."""
    findings: list[Diagnostic] = []
    for arm in resolved.arms:
        findings += _components(arm, lock)
        findings += _files(arm, lock)
    return [*findings, *_stages(lock)]


def _components(arm: Arm, lock: Lock) -> Iterator[Diagnostic]:
    if not lock.components:
        return
    for slot, path, options in arm.experiment.components():
        yield from _component(arm, slot, path, options, lock)


def _component(
    arm: Arm, slot: str, path: tuple[str, ...], options: Options, lock: Lock
) -> Iterator[Diagnostic]:
    name = f"{slot}.{options['kind']}"
    locked, here = lock.components.get(name), installed_version(slot, options["kind"])
    if locked is None or locked.version == here.version:
        return
    release = f"{locked.distribution} {locked.release}"
    message = (
        f"the {slot} '{options['kind']}' was locked at version {locked.version} ({release}), "
        f"but version {here.version} is installed ({here.distribution} {here.release})"
    )
    help = f"install {release}, or accept what is installed: {UPDATE}"
    node = arm.node.at((*path, "kind"))
    yield _differs(node, message, help, lock.place("components", name))


def _files(arm: Arm, lock: Lock) -> Iterator[Diagnostic]:
    for place, file in arm.references.items():
        locked = lock.files.get(file.path)
        if locked is None or not file.is_data or locked.sha256 == file.digest:
            continue
        here = Fingerprint(sha256=file.digest, rows=file.rows)
        message = (
            f"the file '{file.path}' changed: it was locked with {_content(locked)}, "
            f"and holds {_content(here)}"
        )
        help = f"bring it back, or accept what it holds: {UPDATE}"
        yield _differs(arm.node.at(place), message, help, lock.place("files", file.path))


def _stages(lock: Lock) -> Iterator[Diagnostic]:
    for name, number in lock.stages.items():
        here = KINDS[name].semantics if name in KINDS else None
        node = lock.place("stages", name)
        if here == number or node is None:
            continue
        installed = f"version {here} is installed"
        if here is None:
            installed = "the installed version has no such stages"
        message = f"stages of kind '{name}' were locked at version {number}, but {installed}"
        help = (
            f"install the release of dataenvgym-spec that the lock was written with, or: {UPDATE}"
        )
        yield node.key_fault("E210", message, help)


def _differs(node: Node, message: str, help: str, place: Node | None) -> Diagnostic:
    notes = (f"locked at {place.key or place.span}",) if place is not None else ()
    return Diagnostic(code="E210", message=message, span=node.span, help=help, notes=notes)


def _content(fingerprint: Fingerprint) -> str:
    digest = f"sha256 {fingerprint.sha256[:12]}"
    return digest if fingerprint.rows is None else f"{fingerprint.rows} rows, {digest}"
