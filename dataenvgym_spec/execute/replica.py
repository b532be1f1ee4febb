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

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.running import VARIABLE as RUN
from dataenvgym_spec.core.variables import REPLAY, SERVED
from dataenvgym_spec.execute.circumstances import read_circumstances
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.desk import NotJournaled
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.pass_through import stopped
from dataenvgym_spec.execute.run import execute, parsed
from dataenvgym_spec.execute.warm.serving import trainer
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import read, read_all
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.replicas import PortReplica, Replica, ScoreReplica
from dataenvgym_spec.results.stamps import facts_of
from dataenvgym_spec.store.dvc.state import hash_of, read_lock
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.store.locks import die_with_parent
from dataenvgym_spec.store.scratch import Scratch

LIMITS: Final = "DATAENVGYM_LIMITS"
RESULTS: Final = "results.jsonl"
MOST_FILES: Final = 20
"""Files of a port that are named."""
TRAINED: Final = frozenset({"student", "train"})
"""The kinds whose executors start a trainer."""
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
    labels = {row.directory: row.uses[0].label for row in index.stages}
    for directory in directories:
        clock = time.monotonic()
        replica = _replica(layout, experiment, directory, labels[directory], folder / directory)
        # Students are large, and what is equal need not be looked at.
        if replica.outcome == "equal":
            shutil.rmtree(folder / directory, ignore_errors=True)
        seconds = round(time.monotonic() - clock, 1)
        yield Replica.parse({**replica.plain(), "seconds": seconds})


def _replica(layout: Layout, experiment: str, directory: str, label: str, folder: Path) -> Replica:
    """Computes one stage again and compares it."""
    space = Scratch(path=folder, target=folder / "unpublished")
    facts: dict[str, Any] = {"stage": directory, "kind": "", "label": label, "promise": "none"}
    facts["owed"] = False
    try:
        content = read_stage(layout, directory)
        stage = parsed(content)
        facts |= {"kind": stage.kind, "promise": promise(stage)}
        inputs = Inputs.of(layout, content, stage)
        stale = _stale(layout, directory, stage.kind, inputs)
        if stale:
            return Replica.parse({**facts, "outcome": "skipped", "reason": _STALE.format(stale)})
        known = read_circumstances(layout, [experiment])
        passes = stopped(layout, content)
        execute(layout, stage, inputs, space, passes=passes, circumstances=known)
    except NotJournaled as error:
        return Replica.parse({**facts, "outcome": "skipped", "reason": error.message})
    except UserError as error:
        return Replica.parse({**facts, "outcome": "failed", "reason": error.message})
    return _compared(layout, facts, space, stage.ports)


def _stale(layout: Layout, directory: str, kind: str, inputs: Inputs) -> str:
    """An input that is not the one that the result was made from; empty where all are."""
    lock = read_lock(layout.stage(directory) / "dvc.lock", kind)
    for path, digest in lock.deps.items() if lock is not None else ():
        name = path.replace("../", "store/", 1)
        if inputs.digests.get(name, digest) != digest:
            return name
    return ""


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
                scores += _scores(port.name, stored / "out" / port.name, space.out / port.name)
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


def _scores(split: str, stored: Path, again: Path) -> Iterator[ScoreReplica]:
    """The accuracies of both, of each student that they score."""
    if not all((folder / RESULTS).is_file() for folder in (stored, again)):
        return
    rows = [_by_student(folder / RESULTS) for folder in (stored, again)]
    for iteration in rows[0]:
        first, second = (mine.get(iteration, {}) for mine in rows)
        both = sorted(first.keys() & second.keys())
        if not both:
            continue
        before = [first[id].correct for id in both]
        after = [second[id].correct for id in both]
        pairs = list(zip(before, after, strict=True))
        yield ScoreReplica(
            split=split,
            iteration=iteration,
            before=sum(before) / len(both),
            after=sum(after) / len(both),
            items=len(both),
            gained=pairs.count((False, True)),
            lost=pairs.count((True, False)),
            reworded=sum(first[id].prediction != second[id].prediction for id in both),
        )


def _by_student(path: Path) -> dict[int | None, dict[str, Result]]:
    students: dict[int | None, dict[str, Result]] = {}
    for row in read_all(path, Result):
        students.setdefault(row.iteration, {})[row.id] = row
    return students


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
