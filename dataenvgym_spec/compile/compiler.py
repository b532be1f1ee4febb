"""Specs in, one graph out: the pipeline of passes, to be read in five seconds. Writes nothing; see `emit`."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataenvgym_spec.compile.lower.loop import unroll
from dataenvgym_spec.compile.passes.blame import blame
from dataenvgym_spec.compile.passes.leakage import leakage
from dataenvgym_spec.compile.passes.share import share
from dataenvgym_spec.compile.rules import duplicates, pins, size, table
from dataenvgym_spec.core.errors import Diagnostic, SpecError, gathered
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.lockfile import Lock
from dataenvgym_spec.resolve.resolve import examine

Locks = Literal["hold", "pin", "ignore"]
TRANSFORMS = (share,)
PROOFS = (leakage,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The shared graph of some specs, and what there was before sharing.

    Attributes:
        specs: the specs.
        graph: their stages, each once.
        unshared: how many stages there were before equal ones became one.
        warnings: which arms and experiments are the same.
    """

    specs: tuple[Resolved, ...]
    graph: Graph
    unshared: int
    warnings: tuple[Diagnostic, ...] = ()


def front_end(
    paths: Iterable[Path] | Mapping[Path, Collection[str] | None],
    *,
    root: Path,
    sets: Sequence[str] = (),
    locks: Locks = "hold",
) -> tuple[Resolved, ...]:
    """Reads, validates and resolves specs, reporting the findings of all files at once.

    Args:
        paths: spec files; as a mapping, with the names of the experiments that are wanted of each (None: all).
        root: the repository.
        sets: settings of the command line, `path=value`; they hold for every file.
        locks: whether the lock beside a spec pins its revisions and is held against what is here ("hold"), only pins ("pin", for a
            spec of an earlier time), or is not looked at ("ignore").

    Raises:
        SpecError: any spec has an error. It tells warnings as well, less those about experiments that are one.
    """
    found: list[Diagnostic] = []
    resolved: list[Resolved] = []
    read: dict[Path, Lock | None] = {}
    for path in paths:
        try:
            lock = _lock_of(path, root, read, found) if locks != "ignore" else None
            made, faults = examine(
                path,
                root=root,
                sets=sets,
                only=paths[path] if isinstance(paths, Mapping) else None,
                lock=lock,
            )
        except SpecError as error:
            found += error.diagnostics
        else:
            resolved += made
            found += faults
            found += [
                spec.family.annotate(item)
                for spec in made
                if locks == "hold" and lock is not None
                for item in pins.check(spec, lock)
            ]
    found += [spec.family.annotate(finding) for spec in resolved for finding in table.check(spec)]
    found += _same_names(resolved) + size.check(resolved)
    if any(finding.severity == "error" for finding in found):
        raise SpecError(found)
    return tuple(resolved)


def _lock_of(
    path: Path, root: Path, read: dict[Path, Lock | None], found: list[Diagnostic]
) -> Lock | None:
    """The lock beside a spec, empty if there is none; None, and told once, if it is damaged."""
    folder = path.resolve().parent
    if folder not in read:
        try:
            read[folder] = read_lock(folder, root=root) or Lock()
        except SpecError as error:
            found += error.diagnostics
            read[folder] = None
    return read[folder]


def read_lock(folder: Path, *, root: Path) -> Lock | None:
    """The lock of a folder of specs; None if there is none.

    Raises:
        SpecError: it is damaged.
    """
    path = folder / lockfile.FILE
    inside = path.resolve().is_relative_to(root.resolve())
    return lockfile.read(
        path, shown=path.resolve().relative_to(root.resolve()).as_posix() if inside else str(path)
    )


def warnings(specs: Iterable[Resolved], graph: Graph | None = None) -> tuple[Diagnostic, ...]:
    """What is odd about specs that are valid, in order, once.

    Args:
        specs: the specs.
        graph: what they were lowered to; without it, nothing is said about experiments that are one.
    """
    specs = tuple(specs)
    odd = [spec.family.annotate(finding) for spec in specs for finding in table.check(spec)]
    return gathered([*odd, *(duplicates.check(specs, graph) if graph else ())])


def lower(specs: tuple[Resolved, ...]) -> Compiled:
    """Lowers resolved specs to one graph in which equal stages are one.

    Raises:
        SpecError: a proof failed.
    """
    with _collector_paused():
        graphs = [unroll(spec) for spec in specs]
        graph = Graph(
            stages=tuple(s for g in graphs for s in g.stages),
            entries=tuple(e for g in graphs for e in g.entries),
        )
        unshared = len(graph.stages)
        for transform in TRANSFORMS:
            graph = transform(graph)
        found = [finding for proof in PROOFS for finding in proof(graph)]
    if found:
        raise SpecError(blame(found, specs))
    same = tuple(duplicates.check(specs, graph))
    return Compiled(specs=specs, graph=graph, unshared=unshared, warnings=same)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A graph is made of many small records and no cycles: looking for cycles again and again takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _same_names(specs: list[Resolved]) -> list[Diagnostic]:
    found = []
    first: dict[str, Resolved] = {}
    for spec in specs:
        other = first.setdefault(spec.base.name, spec)
        if other is not spec:
            span = spec.node.at(("name",)).span
            message = f"the name '{spec.base.name}' of {spec.path} is taken by {other.path}"
            wrong = Diagnostic(
                code="E205",
                message=message,
                span=span,
                help="give each experiment a name of its own",
            )
            found.append(spec.family.annotate(wrong))
    return found
