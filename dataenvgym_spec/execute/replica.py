"""Computes stages again beside their results, and says what is equal.

A stage works in a folder of its own, on the ports that stand in the store, and is not published: no
file of the store, of DVC or of the pipeline is touched, and no teacher is asked. Run as a module it
is the process that a command starts for it, in which sets have the order that stages rely on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import structs

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.running import VARIABLE as RUN
from dataenvgym_spec.core.variables import REPLAY, SERVED
from dataenvgym_spec.execute.circumstances import read_circumstances
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.desk import NotJournaled
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.rescored import rescored
from dataenvgym_spec.execute.retrained import examined
from dataenvgym_spec.execute.run import execute, parsed
from dataenvgym_spec.execute.stopped import stopped
from dataenvgym_spec.execute.warm.serving import trainer
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.records.experiment import Index, IndexedStage
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.replicas import PortReplica, Replica, ScoreReplica
from dataenvgym_spec.results.stamps import facts_of
from dataenvgym_spec.store.dvc.state import hash_of
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.store.locks import die_with_parent
from dataenvgym_spec.store.scratch import Scratch

LIMITS: Final = "DATAENVGYM_LIMITS"
MOST_FILES: Final = 20
"""Files of a port that are named."""
TRAINED: Final = frozenset({"student", "train"})
"""The kinds whose executors start a trainer."""
UNANSWERED: Final = "its student could not be asked"
_STALE: Final = "its result was made from another '{}' than the one in the store"


def replicate(
    layout: Layout, experiment: str, directories: Sequence[str], folder: Path
) -> Iterator[Replica]:
    """Computes stages again, one after the other; a failure stops no other.

    Args:
        layout: the repository.
        experiment: that they are of.
        directories: theirs, in the order in which they are computed.
        folder: where they work, inside of the repository.
    """
    index = read(layout.index(experiment), Index)
    known = read_circumstances(layout, [experiment])
    rows = {row.directory: row for row in index.stages}
    for directory in directories:
        clock = time.monotonic()
        replica = _replica(layout, index, rows[directory], folder / directory, known)
        # Students are large, and what is equal need not be looked at.
        if replica.outcome == "equal":
            shutil.rmtree(folder / directory, ignore_errors=True)
        seconds = round(time.monotonic() - clock, 1)
        yield Replica.parse({**replica.plain(), "seconds": seconds})


def _replica(
    layout: Layout, index: Index, row: IndexedStage, folder: Path, known: Circumstances
) -> Replica:
    """Computes one stage again and compares it."""
    directory, use = row.directory, row.uses[0]
    space = Scratch(path=folder, target=folder / "unpublished")
    facts: dict[str, Any] = {"stage": directory, "kind": "", "label": use.label, "arm": use.arm}
    facts |= {"promise": "none", "owed": False, "elsewhere": use.probe is not None}
    try:
        content = read_stage(layout, directory)
        stage = parsed(content)
        facts |= {"kind": stage.kind, "promise": promise(stage)}
        inputs = Inputs.of(layout, content, stage)
        stale = inputs.other_than(layout, directory, stage.kind)
        if stale:
            return Replica.parse({**facts, "outcome": "skipped", "reason": _STALE.format(stale)})
        passes = stopped(layout, content)
        execute(layout, stage, inputs, space, passes=passes, circumstances=known, alone=True)
    except NotJournaled as error:
        return Replica.parse({**facts, "outcome": "skipped", "reason": error.message})
    except UserError as error:
        return Replica.parse({**facts, "outcome": "failed", "reason": error.message})
    replica = _compared(layout, facts, space, stage.ports)
    if stage.kind not in TRAINED or replica.outcome == "equal":
        return replica
    return _examined(layout, index, row.key, replica, folder, known)


def _examined(
    layout: Layout, index: Index, key: str, replica: Replica, folder: Path, known: Circumstances
) -> Replica:
    """With what a student that came out otherwise answers, beside the one in the store."""
    try:
        both = examined(layout, index, key, folder, known)
    except UserError as error:
        return structs.replace(replica, reason=f"{UNANSWERED}: {error.message}")
    if both is None:
        return replica
    return structs.replace(replica, scores=both.scores, asked=both.asked, arm=both.arm)


def _compared(
    layout: Layout, facts: dict[str, Any], space: Scratch, ports: Iterable[str]
) -> Replica:
    stored = layout.stage(facts["stage"])
    replicas = [_port(name, stored / "out" / name, space.out / name) for name in ports]
    otherwise = _otherwise(stored / "log", space.log)
    owed = facts["promise"] == "anywhere" or (facts["promise"] == "same-machine" and not otherwise)
    equal = all(port.equal for port in replicas)
    scores: list[ScoreReplica] = []
    if facts["kind"] == "evaluate":
        for port in replicas:
            if not port.equal:
                scores += rescored(port.name, stored / "out" / port.name, space.out / port.name)
    content = {
        "outcome": "equal" if equal else "different",
        "owed": owed,
        "circumstances": otherwise,
        "ports": [port.plain() for port in replicas],
        "scores": [score.plain() for score in scores],
    }
    return Replica.parse({**facts, **content})


def _port(name: str, stored: Path, again: Path) -> PortReplica:
    files = [_hashes(folder) for folder in (stored, again)]
    names = sorted({**files[0], **files[1]})
    different = [file for file in names if files[0].get(file) != files[1].get(file)]
    return PortReplica(name=name, equal=not different, files=tuple(different[:MOST_FILES]))


def _hashes(folder: Path) -> dict[str, str | None]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_of(path) for path in paths}


def _otherwise(stored: Path, again: Path) -> list[str]:
    """What the two runs did not have in common."""
    logs = [dict(facts_of(read(folder / "run.json", Log))) for folder in (stored, again)]
    found = []
    for name in sorted({**logs[0], **logs[1]}):
        first, second = (log.get(name, "none") for log in logs)
        if first != second:
            found.append(f"{name}: {first} / {second}")
    return found


def main(root: str, experiment: str, folder: str, told: str, *directories: str) -> None:
    """The process of a command: computes stages, and writes a line of JSON for each to a file."""
    die_with_parent()
    layout = Layout(root=Path(root))
    os.environ[REPLAY] = "1"
    # What a run around this one says of itself is not meant for these stages.
    for name in (LIMITS, RUN):
        os.environ.pop(name, None)
    os.environ.setdefault(SERVED, str(os.getpid()))
    if TRAINED & {kind_of(directory) for directory in directories}:
        os.environ.update(trainer(layout))
    with Path(told).open("wb", buffering=0) as file, contextlib.suppress(BrokenPipeError):
        for replica in replicate(layout, experiment, directories, Path(folder)):
            file.write(msgspec.json.encode(replica.plain()) + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
