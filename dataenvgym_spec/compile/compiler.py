"""Specs in, one graph out: the pipeline of passes, to be read in five seconds.

Writes nothing; see `emit`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from dataenvgym_spec.compile.lower.loop import unroll
from dataenvgym_spec.compile.passes.blame import blame
from dataenvgym_spec.compile.passes.leakage import leakage
from dataenvgym_spec.compile.passes.share import share
from dataenvgym_spec.compile.rules import duplicates, one_student, pins, size, table
from dataenvgym_spec.core.collector import collector_paused
from dataenvgym_spec.core.errors import Diagnostic, SpecError, gathered
from dataenvgym_spec.graph.ir import Entry, Graph, Stage
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
        paths: spec files; as a mapping, with the names of the experiments that are wanted of each
            (None: all).
        root: the repository.
        sets: settings of the command line, `path=value`; they hold for every file.
        locks: whether the lock beside a spec pins its revisions and is held against what is here
            ("hold"), only pins ("pin", for a spec of an earlier time), or is not looked at
            ("ignore").

    Raises:
        SpecError: any spec has an error. It has the warnings as well, less those about experiments
            that are one.
    """
    wanted = paths if isinstance(paths, Mapping) else dict.fromkeys(paths)
    reader = _Reader(root=root, sets=sets, locks=locks)
    with collector_paused():
        for path, names in wanted.items():
            reader.read(path, names)
        found = reader.found
        specs = [_checked(spec) for spec in reader.specs]
        for spec in specs:
            found += spec.odd
        found += _same_names(specs)
        found += size.check(specs)
    if any(finding.severity == "error" for finding in found):
        raise SpecError(found)
    return tuple(specs)


def _checked(spec: Resolved) -> Resolved:
    """The spec, with what the rules find about what it means."""
    return replace(spec, odd=tuple(map(spec.family.annotate, table.check(spec))))


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads specs one after the other and gathers what is wrong with them."""

    root: Path
    sets: Sequence[str]
    locks: Locks
    specs: list[Resolved] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)
    known_locks: dict[Path, Lock | None] = field(default_factory=dict)

    def read(self, path: Path, names: Collection[str] | None) -> None:
        """Reads a spec file; with `names`, only these of its experiments."""
        try:
            lock = self._lock(path) if self.locks != "ignore" else None
            held = self.locks == "hold" and lock is not None
            specs, faults = examine(
                path, root=self.root, sets=self.sets, only=names, lock=lock, pinned=held
            )
        except SpecError as error:
            self.found += error.diagnostics
            return
        self.specs += specs
        self.found += faults
        if self.locks == "hold" and lock is not None:
            for spec in specs:
                self.found += [spec.family.annotate(item) for item in pins.check(spec, lock)]

    def _lock(self, path: Path) -> Lock | None:
        """The lock beside a spec, empty if there is none.

        Of one that is damaged it is None, and the damage is reported once.
        """
        folder = path.resolve().parent
        if folder not in self.known_locks:
            try:
                lock = read_lock(folder, root=self.root) or Lock()
            except SpecError as error:
                self.found += error.diagnostics
                lock = None
            self.known_locks[folder] = lock
        return self.known_locks[folder]


def read_lock(folder: Path, *, root: Path) -> Lock | None:
    """The lock of a folder of specs; None if there is none.

    Raises:
        SpecError: it is damaged.
    """
    path = folder / lockfile.FILE
    whole, above, shown = path.resolve(), root.resolve(), str(path)
    if whole.is_relative_to(above):
        shown = whole.relative_to(above).as_posix()
    return lockfile.read(path, shown=shown)


def warnings(specs: Iterable[Resolved], graph: Graph | None = None) -> tuple[Diagnostic, ...]:
    """What is odd about specs that are valid, in order, once.

    Args:
        specs: the specs, as `front_end` gives them.
        graph: what they were lowered to; without it, nothing is said about experiments that are
            one.
    """
    specs = tuple(specs)
    odd = [finding for spec in specs for finding in spec.odd]
    if graph is not None:
        odd += duplicates.check(specs, graph)
    return gathered(odd)


def lower(specs: tuple[Resolved, ...]) -> Compiled:
    """Lowers resolved specs to one graph in which equal stages are one.

    Raises:
        SpecError: a proof failed, or two students that are compared are one.
    """
    with collector_paused():
        graph = joined([unroll(spec) for spec in specs])
        unshared = len(graph.stages)
        for transform in TRANSFORMS:
            graph = transform(graph)
        leaks = [leak for proof in PROOFS for leak in proof(graph)]
        faults = [*blame(leaks, specs), *one_student.check(specs, graph)]
        if faults:
            raise SpecError(faults)
        same = tuple(duplicates.check(specs, graph))
    return Compiled(specs=specs, graph=graph, unshared=unshared, warnings=same)


def joined(graphs: Iterable[Graph]) -> Graph:
    """Several graphs as one, stages and entries in their order."""
    stages: list[Stage] = []
    entries: list[Entry] = []
    for graph in graphs:
        stages += graph.stages
        entries += graph.entries
    return Graph(stages=tuple(stages), entries=tuple(entries))


def _same_names(specs: list[Resolved]) -> list[Diagnostic]:
    found = []
    first: dict[str, Resolved] = {}
    for spec in specs:
        other = first.setdefault(spec.base.name, spec)
        if other is not spec:
            message = f"the name '{spec.base.name}' of {spec.path} is taken by {other.path}"
            node, remedy = spec.node.at(("name",)), "give each experiment a name of its own"
            found.append(spec.family.annotate(node.fault("E205", message, remedy)))
    return found
