"""Which results of a bundle fit the stages that its spec compiles to here.

What a bundle says of a result is written only where it says just what DVC would: the command, the
inputs and the outputs of a stage that was compiled from the spec, by this installation.

Reports are no results here. A report is a page that people open and that tracking uploads, and any
page fits the command and the paths of one; so none travels, and each is made where it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from dataenvgym_spec.core.hashing import md5_text
from dataenvgym_spec.emit.stages import stage_files
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.store.bundle.manifest import Manifest
from dataenvgym_spec.store.dvc.dialect import load
from dataenvgym_spec.store.dvc.locked import LockedStage


@dataclass(slots=True)
class Fit:
    """What of a bundle's results fits.

    Attributes:
        keyed: the directories of stages that have the same keys here.
        other: those of stages that have not.
        unfit: those whose keys are the same, and whose results do not belong to such a stage.
        stages: the locks of stages, by directory.
    """

    keyed: set[str] = field(default_factory=set)
    other: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    stages: dict[str, LockedStage] = field(default_factory=dict)


def fit(manifest: Manifest, graph: Graph) -> Fit:
    """What fits of a bundle.

    Args:
        manifest: what it says.
        graph: what its spec compiles to here, with files called as in the store.
    """
    found, known = Fit(), dict(graph.by_id())
    held = {*(item.md5 for item in manifest.objects), *manifest.withheld}
    for row in manifest.stages:
        stage = known.get(row.key)
        if stage is None or stage.directory != row.directory:
            found.other.append(row.directory)
            continue
        found.keyed.add(row.directory)
        if row.lock is None:
            continue
        if is_of_stage(row.lock, stage, known) and _is_held(row.lock, held):
            found.stages[row.directory] = row.lock
        else:
            found.unfit.append(row.directory)
    return found


def is_of_stage(lock: LockedStage, stage: Stage, known: dict[str, Stage]) -> bool:
    """Whether a lock is one of a stage as it is compiled here.

    Args:
        lock: what it says.
        stage: the stage.
        known: all stages by id.
    """
    texts = stage_files(stage, known)
    body: dict[str, Any] = load(texts["dvc.yaml"])["stages"][stage.kind]
    if not _fits(lock, body["cmd"], body["deps"], body["outs"]):
        return False
    read = {row.path: row.md5 for row in lock.deps}
    return read["stage.json"] == md5_text(texts["stage.json"])


def _fits(lock: LockedStage, cmd: str, deps: Iterable[str], outs: Iterable[str]) -> bool:
    """Whether a lock is about a command with these inputs and outputs."""
    read, written = sorted(row.path for row in lock.deps), sorted(row.path for row in lock.outs)
    return lock.cmd == cmd and read == sorted(deps) and written == sorted(outs)


def _is_held(lock: LockedStage, held: Collection[str]) -> bool:
    return all(row.md5 in held for row in lock.outs)
