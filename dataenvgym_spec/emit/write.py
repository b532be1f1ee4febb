"""Puts a compiled graph on disk, touching only what changes, and says what drifted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from dataenvgym_spec.compile.compiler import Compiled
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import Canonical
from dataenvgym_spec.emit.entry import entry, entry_file, home
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.emit.stages import dump, stage_files
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MARK: Final = "dataenvgym stage"
"""What the command of every stage that is ours holds."""
OWN: Final = ("dvc.yaml", "dvc.lock", ".gitignore")
RESTORE = "restore it: git checkout dvc.yaml (or delete it), then: dataenvgym compile"
HEADER = "# Entries of experiments are written by `dataenvgym compile`. Other stages are kept; comments are not.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A file whose content is not what the specs say."""

    path: str
    reason: str


def write(compiled: Compiled, layout: Layout, *, everything: bool) -> list[Path]:
    """Materialises a compiled form: stages first, so that an entry never names what is not there. Returns what changed.

    Args:
        compiled: the graph.
        layout: where the repository lies.
        everything: whether the specs are all active ones, so that experiments not among them are gone.

    Raises:
        UserError: the root `dvc.yaml` is damaged, or has a stage of its own with an experiment's name.
    """
    pipeline = _pipeline(compiled, layout, everything=everything)
    changed = [
        path
        for path, texts in _directories(compiled, layout)
        if atomic.write_directory(path, texts, staging=layout.staging)
    ]
    changed += [
        path
        for path, text in [*_indexes(compiled, layout), (layout.pipeline, pipeline)]
        if atomic.write(path, text)
    ]
    for path in _gone(compiled, layout) if everything else ():
        _remove(path)
        changed.append(path)
    return changed


def _remove(path: Path) -> None:
    """Removes an index, or what compile and DVC wrote into an entry's folder; a user's own files beside it stay."""
    if not path.is_dir():
        path.unlink()
        return
    for name in OWN:
        (path / name).unlink(missing_ok=True)
    if not any(path.iterdir()):
        path.rmdir()


def drift(compiled: Compiled, layout: Layout, *, everything: bool) -> list[Drift]:
    """What on disk differs from the compiled form."""
    directories = (
        (folder / name, text)
        for folder, texts in _directories(compiled, layout)
        for name, text in texts.items()
    )
    files = chain(
        directories,
        _indexes(compiled, layout),
        [(layout.pipeline, _pipeline(compiled, layout, everything=everything))],
    )
    found = [
        Drift(path=path.relative_to(layout.root).as_posix(), reason=reason)
        for path, text in files
        if (reason := _differs(path, text))
    ]
    gone = _gone(compiled, layout) if everything else []
    return found + [
        Drift(path=path.relative_to(layout.root).as_posix(), reason="belongs to no spec")
        for path in gone
    ]


def _differs(path: Path, text: str) -> str:
    return "" if atomic.holds(path, text) else "differs" if path.exists() else "missing"


def _directories(compiled: Compiled, layout: Layout) -> Iterator[tuple[Path, dict[str, str]]]:
    """Every directory of the compiled form with its files: stages in topological order, then entries that have their own."""
    known, text = compiled.graph.by_id(), Canonical()
    for stage in compiled.graph.stages:
        yield layout.stage(stage.directory), stage_files(stage, known, text)
    for item in compiled.graph.entries:
        if home(item):
            yield layout.root / home(item), {"dvc.yaml": entry_file(item, compiled.graph)}


def _indexes(compiled: Compiled, layout: Layout) -> Iterator[tuple[Path, str]]:
    return (
        (layout.index(item.name), index(item, compiled.graph)) for item in compiled.graph.entries
    )


def _gone(compiled: Compiled, layout: Layout) -> list[Path]:
    """Indexes, and folders of entries, of experiments that no spec makes. What else lies there is the user's."""
    kept = {item.name for item in compiled.graph.entries}
    own = {item.name for item in compiled.graph.entries if home(item)}
    paths = sorted(layout.experiments.glob("*")) if layout.experiments.is_dir() else []
    return [
        path
        for path in paths
        if (
            path.name not in own and _is_entry(path)
            if path.is_dir()
            else path.stem not in kept and _is_index(path)
        )
    ]


def _is_entry(folder: Path) -> bool:
    try:
        return MARK in (folder / "dvc.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _is_index(path: Path) -> bool:
    try:
        content = msgspec.json.decode(path.read_bytes()) if path.suffix == ".json" else None
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(content, dict) and {"format", "stages", "arms"} <= content.keys()


def _pipeline(compiled: Compiled, layout: Layout, *, everything: bool) -> str:
    content = _existing(layout.pipeline)
    stages: dict[str, Any] = dict(content.get("stages") or {})
    names = {item.name for item in compiled.graph.entries if not home(item)}
    if everything:
        stages = {
            name: body
            for name, body in stages.items()
            if name in names or not (layout.index(name).is_file() or MARK in json.dumps(body))
        }
    for item in compiled.graph.entries:
        if home(item):
            continue
        if (
            item.name in stages
            and not layout.index(item.name).is_file()
            and MARK not in json.dumps(stages[item.name])
        ):
            raise UserError(
                f"dvc.yaml has a stage '{item.name}' of its own",
                help="rename the experiment or that stage",
            )
        stages[item.name] = entry(item, compiled.graph)
    return HEADER + dump({**content, "stages": stages})


def _existing(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            "dvc.yaml cannot be read: it is damaged or half-written", help=RESTORE
        ) from error
    if content is not None and not isinstance(content, dict):
        raise UserError("dvc.yaml is no mapping", help=RESTORE)
    return content or {}
