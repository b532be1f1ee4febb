"""What a stage is handed: the ports and files that its key names, verified and by digest.

A key tells what a port's stage does, not which bytes came out: a teacher answers otherwise each
time. So results and checkpoints carry the digests of what they were made from; see `store.scratch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.making import making
from dataenvgym_spec.execute.context import PortRead
from dataenvgym_spec.graph.ir import Input, Stage
from dataenvgym_spec.store.dvc.intact import REMEDY, recorded
from dataenvgym_spec.store.dvc.state import hash_of, read_lock
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.outside import verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a stage is handed.

    Attributes:
        ports: the ports that it reads, in order.
        files: the repository's files, by the digest that its parameters name.
        names: what the stage calls these files, by the same digests.
        digests: what all of them hold, by their names: of ports the hashes that DVC gives them.
    """

    ports: tuple[PortRead, ...]
    files: dict[str, Path]
    names: Mapping[str, str]
    digests: dict[str, str]

    @classmethod
    def of(cls, layout: Layout, content: dict[str, Any], stage: Stage) -> Inputs:
        """Those of a stage as they are now.

        Args:
            layout: the repository.
            content: the stage's `stage.json`.
            stage: the same, parsed.

        Raises:
            StageError: one is missing, or a file is not the one that the key was made of.
        """
        ports = tuple(_port(layout, content, item) for item in stage.inputs)
        files = verified_files(layout, stage.files)
        hashes = _hashes(layout, ports)
        ports = tuple(replace(port, digest=hashes[_name(layout, port)]) for port in ports)
        digests = hashes | {name: digest for digest, name in stage.files.items()}
        return cls(ports=ports, files=files, names=stage.files, digests=digests)

    def require_intact(self, layout: Layout) -> None:
        """Checks that the ports are what DVC takes them for.

        Raises:
            StageError: one is not what the lock of its stage says.
        """
        for port in self.ports:
            if recorded(port.path.parents[1], port.port) not in (None, port.digest):
                message = f"'{_name(layout, port)}' is not what its lock says"
                raise StageError(message, help=REMEDY)

    def other_than(self, layout: Layout, directory: str, kind: str) -> str:
        """An input that is not the one that a stored result was made from; empty where all are.

        Args:
            layout: the repository.
            directory: of the stage.
            kind: its kind.
        """
        lock = read_lock(layout.stage(directory) / "dvc.lock", kind)
        for path, digest in lock.deps.items() if lock is not None else ():
            name = path.replace("../", "store/", 1)
            if self.digests.get(name, digest) != digest:
                return name
        return ""

    def with_port(self, layout: Layout, slot: str, path: Path) -> Inputs:
        """The same with another folder in the place of the only port of a slot.

        Args:
            layout: the repository.
            slot: which one.
            path: the folder, inside of the repository.
        """
        (port,) = (port for port in self.ports if port.slot == slot)
        other = replace(port, path=path)
        digests = {**self.digests, **_hashes(layout, (other,))}
        del digests[_name(layout, port)]
        other = replace(other, digest=digests[_name(layout, other)])
        ports = tuple(other if one is port else one for one in self.ports)
        return replace(self, ports=ports, digests=digests)

    def require_unchanged(self, layout: Layout) -> None:
        """Checks that they still are what they were.

        Raises:
            StageError: one changed while the stage ran; DVC would record the new content as what
                the result was made from.
        """
        now = _hashes(layout, self.ports)
        changed = [name for name, digest in now.items() if self.digests[name] != digest]
        if changed:
            message = f"'{changed[0]}' changed while this stage read it"
            raise StageError(message, help="let it rest, and run again")
        verified_files(layout, self.names)


def _port(layout: Layout, content: dict[str, Any], item: Input) -> PortRead:
    path = layout.stage(content["reads"][item.stage]) / "out" / item.port
    if not path.is_dir():
        message = f"'{path.relative_to(layout.root)}' is missing"
        remedy = f"run: {making(layout.root, 'NAME')}, which makes it first"
        raise StageError(message, help=remedy)
    return PortRead(slot=item.slot, port=item.port, path=path, key=item.stage)


def verified_files(layout: Layout, names: Mapping[str, str]) -> dict[str, Path]:
    """Where files lie, by digest."""
    contents = Contents(layout.root)
    return {digest: verified(contents, digest, name) for digest, name in names.items()}


def _hashes(layout: Layout, ports: Sequence[PortRead]) -> dict[str, str]:
    """The hashes that DVC gives ports, by their names in the repository.

    They are read: what DVC remembers of a file is what it was taken for when it was brought.
    """
    contents = Contents(layout.root)
    found = {_name(layout, port): port.path for port in ports}
    return {
        name: hash_of(path, contents.md5, contents.ignored) or "missing"
        for name, path in found.items()
    }


def _name(layout: Layout, port: PortRead) -> str:
    """A port's path in the repository."""
    return port.path.relative_to(layout.root).as_posix()
