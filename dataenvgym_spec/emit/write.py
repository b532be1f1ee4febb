"""Puts a compiled graph on disk, touching only what changes, and lists what differs from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import Canonical
from dataenvgym_spec.emit import circumstances
from dataenvgym_spec.emit.entry import entry_file, home
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.emit.merge import MARK
from dataenvgym_spec.emit.pipeline import pipeline
from dataenvgym_spec.emit.stages import stage_files
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.indexes import is_index
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held

OWN: Final = ("dvc.yaml", "dvc.lock", ".gitignore")
"""What compile and DVC write into the folder of an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A file whose content is not what the specs say."""

    path: str
    reason: str


def write(graph: Graph, layout: Layout, *, everything: bool) -> list[Path]:
    """Writes the files of a graph; returns what changed.

    Args:
        graph: what was compiled.
        layout: the paths of the repository.
        everything: whether the specs are all active ones, so that experiments of other specs
            are removed.

    Raises:
        UserError: the root `dvc.yaml` is damaged, or has another stage with an experiment's name.
    """
    # The root file is read, changed and written: two at once would lose the entries of one.
    with held(layout.lock("compile"), waiting=lambda _holder: None):
        return _write(graph, layout, everything=everything)


def _write(graph: Graph, layout: Layout, *, everything: bool) -> list[Path]:
    root_file = pipeline(graph, layout, everything=everything)
    changed = []
    # Stages first: an entry must not name a stage that does not exist yet.
    for path, texts in _directories(graph, layout):
        if atomic.write_directory(path, texts, staging=layout.staging):
            changed.append(path)
    for path, text in (*_beside(graph, layout), (layout.pipeline, root_file)):
        if atomic.write(path, text):
            changed.append(path)
    for path in _gone(graph, layout, everything=everything):
        _remove(path)
        changed.append(path)
    return changed


def _remove(path: Path) -> None:
    """Removes an index, or what was written into an entry's folder; a user's own files stay."""
    if not path.is_dir():
        path.unlink()
        return
    for name in OWN:
        (path / name).unlink(missing_ok=True)
    if not any(path.iterdir()):
        path.rmdir()


def drift(graph: Graph, layout: Layout, *, everything: bool) -> list[Drift]:
    """What on disk differs from a graph. The arguments and errors are those of `write`."""
    drifts = []
    for path, text in _files(graph, layout, everything=everything):
        if not atomic.holds(path, text):
            reason = "differs" if path.exists() else "missing"
            drifts.append(_drift(path, reason, layout))
    for path in _gone(graph, layout, everything=everything):
        drifts.append(_drift(path, "belongs to no spec", layout))
    return drifts


def stands(graph: Graph, name: str, layout: Layout) -> bool:
    """Whether an experiment of a graph is still compiled as there, by the list of its stages."""
    item = next(item for item in graph.entries if item.name == name)
    return atomic.holds(layout.index(name), index(item, graph))


def _drift(path: Path, reason: str, layout: Layout) -> Drift:
    return Drift(path=path.relative_to(layout.root).as_posix(), reason=reason)


def _files(graph: Graph, layout: Layout, *, everything: bool) -> Iterator[tuple[Path, str]]:
    """Every file of a graph with its text."""
    for folder, texts in _directories(graph, layout):
        for name, text in texts.items():
            yield folder / name, text
    yield from _beside(graph, layout)
    yield layout.pipeline, pipeline(graph, layout, everything=everything)


def _directories(graph: Graph, layout: Layout) -> Iterator[tuple[Path, dict[str, str]]]:
    """Every directory of a graph with its files: stages, then entries that have their own."""
    stages = graph.by_id()
    text = Canonical()
    for stage in graph.stages:
        yield layout.stage(stage.directory), stage_files(stage, stages, text)
    for item in graph.entries:
        if home(item):
            yield layout.root / home(item), {"dvc.yaml": entry_file(item, graph)}


def _beside(graph: Graph, layout: Layout) -> Iterator[tuple[Path, str]]:
    """What the stages of a graph do not depend on."""
    for item in graph.entries:
        yield layout.index(item.name), index(item, graph)
    yield from circumstances.files(graph, layout)


def _gone(graph: Graph, layout: Layout, *, everything: bool) -> list[Path]:
    """Files and folders of experiments that no spec makes. Other files there are the user's."""
    idle = circumstances.idle(graph, layout, everything=everything)
    return [*_experiments_gone(graph, layout), *idle] if everything else idle


def _experiments_gone(graph: Graph, layout: Layout) -> list[Path]:
    """Indexes and folders of experiments that no spec makes."""
    if not layout.experiments.is_dir():
        return []
    indexes = {item.name for item in graph.entries}
    folders = {item.name for item in graph.entries if home(item)}
    gone = []
    for path in sorted(layout.experiments.glob("*")):
        if path.is_dir():
            is_gone = path.name not in folders and _is_entry(path)
        else:
            is_gone = path.stem not in indexes and is_index(path)
        if is_gone:
            gone.append(path)
    return gone


def _is_entry(folder: Path) -> bool:
    try:
        return MARK in (folder / "dvc.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
