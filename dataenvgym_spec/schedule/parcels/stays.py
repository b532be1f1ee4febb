"""Which works stay on the machine that drives a run: what they need or leave is there.

A teacher that is asked over the network costs money, and what it answered is in the journal of the
machine that asked it (`store.place`), which no network disk can hold. The report and tracking read
what the clone holds. What DVC's cache of the clone can restore is not made once more elsewhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import msgspec
import yaml

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.schedule.protocol import Work
from dataenvgym_spec.store.dvc.dialect import load
from dataenvgym_spec.store.dvc.state import Cache, hash_of, read_lock
from dataenvgym_spec.store.layout import Layout, kind_of

_RESULT: Final = re.compile(r"\.\./([a-z]+-[0-9a-f]+)/(out/.+)")
_TARGET: Final = re.compile(r"store/([^/]+)/dvc\.yaml:[a-z]+")


def directory_of(work: Work) -> str | None:
    """The directory of the one stage that a work is; None of a report, or of several stages."""
    found = [_TARGET.fullmatch(target) for target in work.targets]
    return found[0][1] if len(found) == 1 and found[0] else None


def stays(layout: Layout, directory: str) -> bool:
    """Whether a stage asks somebody over the network, as far as is known here.

    Args:
        layout: the repository.
        directory: the stage's.
    """
    try:
        stage = Stage.parse(read_json(layout.stage(directory) / "stage.json"))
    except (StageError, KeyError, msgspec.ValidationError):
        return True  # what is wrong with it is said where the user is
    return asks(stage)


def asks(stage: Stage) -> bool:
    """Whether a stage asks somebody over the network."""
    parts = (part for _, component in stage.params.components() for part in component.walk())
    return any(map(_is_asked, parts))


def restorable(layout: Layout, directory: str) -> bool:
    """Whether the cache holds what a stage made of the inputs that are here now.

    Args:
        layout: the repository.
        directory: the stage's; what it reads has to be done.
    """
    folder, cache = layout.stage(directory), Cache(folder=cache_folder(layout.root))
    kind = kind_of(directory)
    try:
        text = (folder / "dvc.yaml").read_text(encoding="utf-8")
        stage = load(text)["stages"][kind]
        deps = {path: _digest(layout, folder, path) for path in stage["deps"]}
        lock = read_lock(folder / "dvc.lock", kind)
    except (OSError, LookupError, TypeError, yaml.YAMLError, UserError):
        return False
    if lock is None or lock.deps != deps:
        lock = cache.run(stage["cmd"], deps, stage["outs"])
    return lock is not None and all(map(cache.holds, lock.outs.values()))


def _digest(layout: Layout, folder: Path, path: str) -> str:
    """DVC's hash of what a stage reads: of a result as its lock says it.

    Raises:
        LookupError: it is not done.
    """
    result = _RESULT.fullmatch(path)
    if result is None:
        found = hash_of(Path(os.path.normpath(folder / path)))
    else:
        lock = read_lock(layout.stage(result[1]) / "dvc.lock", kind_of(result[1]))
        found = None if lock is None else lock.outs.get(result[2])
    if found is None:
        raise LookupError(path)
    return found


def _is_asked(part: Component) -> bool:
    """Whether a component is a service, or a teacher that runs nowhere else."""
    if part.marked("x-services"):
        return True
    return part.slot == "teacher" and not part.procedural and not part.on_device
