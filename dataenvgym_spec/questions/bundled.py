"""What a bundle of a study holds: its files, the results that are here, the responses they used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.core.machine import stamp
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.core.secrets import Secrets
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.questions.fitting import is_of_stage
from dataenvgym_spec.questions.travel import Luggage
from dataenvgym_spec.records.responses import RESPONSES, Response, read_responses
from dataenvgym_spec.records.students import REFERENCE
from dataenvgym_spec.results.declared import declarations, rows_of
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.store.bundle.manifest import (
    FORMAT,
    Manifest,
    PackedExperiment,
    PackedFile,
    PackedJournal,
    PackedObject,
    PackedStage,
    Part,
)
from dataenvgym_spec.store.dvc.locked import LockedStage, read_locked
from dataenvgym_spec.store.dvc.state import Cache
from dataenvgym_spec.store.journal import Journal, batches
from dataenvgym_spec.store.layout import Layout

MOST_SEARCHED: Final = 64 << 20
"""Bytes of a file in which keys are looked for; a larger one holds weights."""
PACKAGES: Final = ("dvc",)
"""Packages whose versions are named beside those that can change a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is packed.

    Attributes:
        name: what it is called: a spec, or one experiment of a sweep.
        spec: the path of the spec.
        graph: its stages, with files called as in the store.
    """

    name: str
    spec: str
    graph: Graph


@dataclass(slots=True)
class Packed:
    """Results and their objects in DVC's cache.

    Attributes:
        locks: of stages, by directory.
        objects: the files of the objects that travel, by hash.
        withheld: the hashes of those that stay here.
    """

    locks: dict[str, LockedStage] = field(default_factory=dict)
    objects: dict[str, Path] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)


def packed(study: Study, layout: Layout, cache: Cache, *, students: bool) -> Packed:
    """The results of a study that DVC's cache holds whole.

    Args:
        study: the study.
        layout: the repository.
        cache: DVC's cache.
        students: whether weights travel.
    """
    found, known = Packed(), dict(study.graph.by_id())
    for stage in study.graph.stages:
        lock = read_locked(layout.stage(stage.directory) / "dvc.lock", stage.kind)
        weights = set() if students else _weights(stage)
        if lock is None or not is_of_stage(lock, stage, known):
            continue
        if _add(found, lock, cache, weights):
            found.locks[stage.directory] = lock
    found.withheld -= found.objects.keys()
    return found


def _weights(stage: Stage) -> set[str]:
    """The outs of a stage that hold a student."""
    declared = stage.declaration
    ports = [port for port in stage.ports if "weights" in declared.adds(stage.params, port)]
    return {f"out/{port}" for port in ports}


def _add(found: Packed, lock: LockedStage, cache: Cache, weights: Collection[str]) -> bool:
    """Takes the objects of a result; False if the cache does not hold what has to travel."""
    objects: dict[str, Path] = {}
    withheld: set[str] = set()
    for path, digest in lock.digests().items():
        files = cache.listing(digest)
        if path in weights and (files is None or REFERENCE not in files):
            withheld |= {digest, *(files or {}).values()}
            continue
        if files is None or not all(map(cache.has, (digest, *files.values()))):
            return False
        objects |= {one: cache.path(one) for one in (digest, *files.values())}
    found.objects |= objects
    found.withheld |= withheld
    return True


def responses(study: Study, layout: Layout, cache: Cache, journal: Journal) -> list[Response]:
    """The responses that a study has used or paid for, in the order of their keys."""
    stages = {stage.id for stage in study.graph.stages}
    found = {one.key: one for one in journal.responses() if one.stage in stages}
    logged: dict[str, Response] = {}
    for stage in study.graph.stages:
        for path in _logs(stage, layout, cache):
            for row in filter(None, read_responses(path)):
                logged.setdefault(row.key, row)
    for keys in batches([key for key in logged if key not in found]):
        found |= journal.find(keys)
    # What the journal has lost, the logs still have.
    found = logged | found
    return [found[key] for key in sorted(found)]


def _logs(stage: Stage, layout: Layout, cache: Cache) -> Iterator[Path]:
    """The file of responses in the log of a stage, in the workspace or else in the cache."""
    path = layout.stage(stage.directory) / "log" / RESPONSES
    if path.is_file():
        yield path
        return
    with suppress(UserError):
        lock = read_locked(layout.stage(stage.directory) / "dvc.lock", stage.kind)
        digest = lock.digests().get("log") if lock is not None else None
        name = (cache.listing(digest) or {}).get(RESPONSES) if digest is not None else None
        if name is not None and cache.has(name):
            yield cache.path(name)


def write_responses(path: Path, rows: Iterable[Response], secrets: Secrets) -> int:
    """Writes responses, one a line, without what opens an account; returns how many."""
    count = 0
    with path.open("wb") as lines:
        for row in rows:
            reply = msgspec.json.encode(row.reply).decode()
            bare = Response(key=row.key, stage=row.stage, at=row.at, reply={})
            hidden = msgspec.json.decode(secrets.hide(reply))
            lines.write(msgspec.json.encode(msgspec.structs.replace(bare, reply=hidden)) + b"\n")
            count += 1
    return count


class Writer:
    """Describes a bundle: gathers contents by digest, and refuses what holds a key.

    Args of the constructor:
        layout: the repository.
        secrets: what opens an account of this user.
    """

    def __init__(self, layout: Layout, secrets: Secrets) -> None:
        self._layout, self._secrets = layout, secrets
        self.contents: dict[str, Path] = {}

    def manifest(
        self,
        study: Study,
        luggage: Luggage,
        results: Packed,
        parts: tuple[Part, ...],
        journal: tuple[Path, int] | None = None,
    ) -> Manifest:
        """What a bundle says of itself.

        Args:
            study: the study.
            luggage: its files.
            results: those that travel.
            parts: what was asked to travel.
            journal: the file of responses, and how many it holds.

        Raises:
            UserError: a file holds a key of this user's environment.
        """
        return Manifest(
            format=FORMAT,
            name=study.name,
            spec=study.spec,
            versions=_versions(),
            parts=parts,
            files=tuple(self._files(luggage)),
            stages=tuple(_stages(study, results)),
            experiments=tuple(_experiments(study, self._layout)),
            objects=tuple(self._objects(results)),
            withheld=tuple(sorted(results.withheld)),
            journal=None if journal is None else self._journal(*journal),
            absent=luggage.absences(),
        )

    def _files(self, luggage: Luggage) -> Iterator[PackedFile]:
        for name, path in sorted(luggage.files.items()):
            size, digest = self._content(path, f"'{name}'")
            yield PackedFile(path=name, bytes=size, sha256=digest, code=name in luggage.code)

    def _objects(self, results: Packed) -> Iterator[PackedObject]:
        for name, path in sorted(results.objects.items()):
            size, digest = self._content(path, f"the result {name} in DVC's cache")
            yield PackedObject(md5=name, bytes=size, sha256=digest)

    def _journal(self, path: Path, count: int) -> PackedJournal:
        size, digest = self._content(path, "a response in the journal")
        return PackedJournal(responses=count, bytes=size, sha256=digest)

    def _content(self, path: Path, shown: str) -> tuple[int, str]:
        """The size and digest of a file that travels."""
        size, digest = path.stat().st_size, file_digest(path)
        if digest not in self.contents and size <= MOST_SEARCHED:
            text = path.read_bytes().decode("utf-8", "replace")
            if self._secrets.hide(text) != text:
                message = (
                    f"{shown} holds a key or password of your environment; nothing was written"
                )
                raise UserError(
                    message,
                    help="take it out of there, and replace it by another: it was written down",
                )
        self.contents.setdefault(digest, path)
        return size, digest


def _versions() -> dict[str, str]:
    made = stamp(PACKAGES)
    return {"python": made["python"], **made["versions"]}


def _stages(study: Study, results: Packed) -> Iterator[PackedStage]:
    for stage in study.graph.stages:
        yield PackedStage(
            directory=stage.directory,
            key=stage.id,
            # Elsewhere a link is a file, and a spec alone does not say how the store calls it here.
            files=_called(stage),
            lock=results.locks.get(stage.directory),
        )


def _called(stage: Stage) -> dict[str, str] | None:
    """How the store calls the files of a stage; None if there are none in the repository."""
    outside = any(Outside.parse(path) is not None for path in stage.files.values())
    return None if outside or not stage.files else dict(sorted(stage.files.items()))


def _experiments(study: Study, layout: Layout) -> Iterator[PackedExperiment]:
    for item in study.graph.entries:
        directories = [stage.directory for stage in study.graph.of(item)]
        told = declarations(Results(layout=layout, index=item.index))
        yield PackedExperiment(
            name=item.name,
            stages=tuple(directories),
            declared=rows_of(told),
            ends=told.ends,
        )
