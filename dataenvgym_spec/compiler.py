"""Specs in, one graph out: the pipeline of passes, to be read in five seconds. Writes nothing; see `emit`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec import meaning
from dataenvgym_spec.errors import Diagnostic, SpecError
from dataenvgym_spec.ir import Graph
from dataenvgym_spec.passes.leakage import leakage
from dataenvgym_spec.passes.name import name
from dataenvgym_spec.passes.share import share
from dataenvgym_spec.passes.unroll import unroll
from dataenvgym_spec.resolve import Resolved, resolve

TRANSFORMS = (share, name)
PROOFS = (leakage,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The shared graph of some specs, and what there was before sharing."""

    specs: tuple[Resolved, ...]
    graph: Graph
    unshared: int


def front_end(paths: Iterable[Path], *, root: Path) -> tuple[Resolved, ...]:
    """Reads, validates and resolves specs, reporting the findings of all files at once.

    Raises:
        SpecError: any spec has an error.
    """
    found: list[Diagnostic] = []
    resolved: list[Resolved] = []
    for path in paths:
        try:
            spec = resolve(path, root=root)
            found += meaning.check(spec)
            resolved.append(spec)
        except SpecError as error:
            found += error.diagnostics
    found += _same_names(resolved)
    if found:
        raise SpecError(found)
    return tuple(resolved)


def lower(specs: tuple[Resolved, ...]) -> Compiled:
    """Lowers resolved specs to one graph in which equal stages are one.

    Raises:
        SpecError: a proof failed.
    """
    graphs = [unroll(spec) for spec in specs]
    graph = Graph(stages=tuple(s for g in graphs for s in g.stages), entries=tuple(e for g in graphs for e in g.entries))
    unshared = len(graph.stages)
    for transform in TRANSFORMS:
        graph = transform(graph)
    found = [finding for proof in PROOFS for finding in proof(graph)]
    if found:
        raise SpecError(found)
    return Compiled(specs=specs, graph=graph, unshared=unshared)


def _same_names(specs: list[Resolved]) -> list[Diagnostic]:
    found = []
    first: dict[str, Resolved] = {}
    for spec in specs:
        other = first.setdefault(spec.base.name, spec)
        if other is not spec:
            span = spec.node.at(("name",)).span
            message = f"the name '{spec.base.name}' is taken by {other.path}"
            found.append(Diagnostic(code="E205", message=message, span=span, help="give each experiment a name of its own"))
    return found
