"""Puts a compiled graph on disk, touching only what changes, and says what drifted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataenvgym_spec.compiler import Compiled
from dataenvgym_spec.emit.entry import entry
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.emit.stages import dump, stage_files
from dataenvgym_spec.errors import UserError
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout

RESTORE = "restore it: git checkout dvc.yaml (or delete it), then: dataenvgym compile"
HEADER = "# Entries of experiments are written by `dataenvgym compile`; other stages are left as they are.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A file whose content is not what the specs say."""

    path: str
    reason: str


def rendered(compiled: Compiled, layout: Layout, *, everything: bool) -> dict[Path, str]:
    """All files of a compiled form by path.

    Args:
        compiled: the graph.
        layout: where the repository lies.
        everything: whether the specs are all active ones, so that experiments not among them are gone.
    """
    graph = compiled.graph
    known = graph.by_id()
    out: dict[Path, str] = {}
    for stage in graph.stages:
        for name, text in stage_files(stage, known).items():
            out[layout.stage(stage.directory) / name] = text
    for item in graph.entries:
        out[layout.index(item.name)] = index(item, graph)
    out[layout.pipeline] = _pipeline(compiled, layout, everything=everything)
    return out


def write(compiled: Compiled, layout: Layout, *, everything: bool) -> list[Path]:
    """Materialises a compiled form: stages first, so that an entry never names what is not there. Returns what changed."""
    files = rendered(compiled, layout, everything=everything)
    changed = []
    for stage in compiled.graph.stages:
        folder = layout.stage(stage.directory)
        texts = _texts(files, folder)
        if atomic.write_directory(folder, texts, staging=layout.staging):
            changed.append(folder)
    changed += [path for path in (layout.index(item.name) for item in compiled.graph.entries) if atomic.write(path, files[path])]
    if atomic.write(layout.pipeline, files[layout.pipeline]):
        changed.append(layout.pipeline)
    for path in _gone(compiled, layout) if everything else ():
        path.unlink()
        changed.append(path)
    return changed


def drift(compiled: Compiled, layout: Layout, *, everything: bool) -> list[Drift]:
    """What on disk differs from the compiled form."""
    found = []
    for path, text in rendered(compiled, layout, everything=everything).items():
        shown = path.relative_to(layout.root).as_posix()
        if not path.is_file():
            found.append(Drift(path=shown, reason="missing"))
        elif path.read_text(encoding="utf-8", errors="replace") != text:
            found.append(Drift(path=shown, reason="differs"))
    gone = _gone(compiled, layout) if everything else []
    return found + [Drift(path=path.relative_to(layout.root).as_posix(), reason="belongs to no spec") for path in gone]


def _texts(files: dict[Path, str], folder: Path) -> dict[str, str]:
    return {name: files[folder / name] for name in ("stage.json", "dvc.yaml")}


def _gone(compiled: Compiled, layout: Layout) -> list[Path]:
    kept = {item.name for item in compiled.graph.entries}
    return [path for path in sorted(layout.experiments.glob("*.json")) if path.stem not in kept]


def _pipeline(compiled: Compiled, layout: Layout, *, everything: bool) -> str:
    content = _existing(layout.pipeline)
    stages: dict[str, Any] = dict(content.get("stages") or {})
    names = {item.name for item in compiled.graph.entries}
    if everything:
        stages = {name: body for name, body in stages.items() if not layout.index(name).is_file() or name in names}
    for item in compiled.graph.entries:
        if item.name in stages and not layout.index(item.name).is_file() and "dataenvgym stage" not in json.dumps(stages[item.name]):
            raise UserError(f"dvc.yaml has a stage '{item.name}' of its own", help="rename the experiment or that stage")
        stages[item.name] = entry(item, compiled.graph)
    return HEADER + dump({**content, "stages": stages})


def _existing(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError("dvc.yaml cannot be read: it is damaged or half-written", help=RESTORE) from error
    if content is not None and not isinstance(content, dict):
        raise UserError("dvc.yaml is no mapping", help=RESTORE)
    return content or {}
