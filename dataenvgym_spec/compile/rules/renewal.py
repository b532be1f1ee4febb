"""What a new lock holds: what specs name that can be locked, as an old lock has it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.lockfile import Fingerprint, Lock, Reference, Version


def _stages() -> dict[str, int]:
    return {name: kind.semantics for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What some specs name that a lock can hold, as it is here and now.

    Attributes:
        hub: the revisions, with the place of each in a spec.
        files: the data files by path.
        components: the installed versions by `slot.kind`.
        stages: the semantics of the stage kinds.
    """

    hub: dict[Reference, Node] = field(default_factory=dict)
    files: dict[str, Fingerprint] = field(default_factory=dict)
    components: dict[str, Version] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=_stages)


def wanted(specs: Iterable[Resolved]) -> Wanted:
    """What specs name; resolved without a lock, so that revisions are as they were written."""
    everything = Wanted()
    for spec in specs:
        for arm in spec.arms:
            _add(everything, arm)
    return everything


def renewed(
    old: Lock, wanted: Wanted, answers: Mapping[Reference, str], *, update: bool, keep: bool
) -> Lock:
    """A lock that holds what is wanted: as the old one has it, the rest as it is here and now.

    Args:
        old: the lock as it was.
        wanted: what specs name.
        answers: the commits of revisions that the old lock does not settle.
        update: whether the old lock settles nothing.
        keep: whether to keep what the old lock holds beyond what is wanted.
    """
    settled = Lock() if update else old
    rest = old if keep else Lock()
    hub = {item: settled.hub.get(item) or answers[item] for item in wanted.hub}
    files = {path: settled.files.get(path, here) for path, here in wanted.files.items()}
    components = {
        name: settled.components.get(name, here) for name, here in wanted.components.items()
    }
    return Lock(
        hub={**rest.hub, **hub},
        files={**rest.files, **files},
        components={**rest.components, **components},
        stages={**wanted.stages, **settled.stages},
    )


def installed_version(slot: str, kind: str) -> Version:
    """The version of a component as it is installed here."""
    item = definition(slot, kind)
    distribution = item.distribution or "dataenvgym-spec"
    return Version(version=item.version(), distribution=distribution, release=item.release())


def _add(wanted: Wanted, arm: Arm) -> None:
    for path, reference in arm.revisions.items():
        if not reference.is_commit:
            wanted.hub[reference] = arm.node.at(path)
    for file in arm.references.values():
        if file.is_data:
            wanted.files[file.path] = Fingerprint(sha256=file.digest, rows=file.rows)
    for slot, _, options in arm.experiment.components():
        name = f"{slot}.{options['kind']}"
        if name not in wanted.components:
            wanted.components[name] = installed_version(slot, options["kind"])
