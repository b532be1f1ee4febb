"""A stage as files: `stage.json` (what it does, canonical) and `dvc.yaml` (how DVC runs it)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.keys import identity
from dataenvgym_spec.store.layout import kind_of

COMMAND = 'exec env PATH="$PATH:{up}.venv/bin" dataenvgym {rest}'
"""The command of a stage.

`exec` makes the executor DVC's own child, so that it notices DVC's death. The repository's `.venv`
is looked into last: DVC passes the caller's PATH on, and a `dvc` called by its path would not find
the executor.
"""
_COMMAND: Final = COMMAND.format(up="../../", rest="stage")
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_./-]+")


def stage_files(
    stage: Stage, graph: dict[str, Stage], text: Callable[[Any], str] = canonical
) -> dict[str, str]:
    """The texts of a stage's directory, by file name.

    Args:
        stage: the stage.
        graph: all stages by id.
        text: canonical JSON; for many stages a `Canonical`, as they share their parameters.
    """
    return {"stage.json": stage_json(stage, graph, text), "dvc.yaml": _stage_yaml(stage, graph)}


def stage_json(
    stage: Stage, graph: dict[str, Stage], text: Callable[[Any], str] = canonical
) -> str:
    """The text of `stage.json`, whose hash is the stage's identity for DVC."""
    reads = {item.stage: graph[item.stage].directory for item in stage.inputs}
    content: dict[str, Any] = {
        "format": 1,
        "key": stage.id,
        **identity(stage),
        "reads": reads,
        "files": stage.files,
    }
    if stage.worker != stage.declaration.worker:
        content["worker"] = stage.worker  # who runs it asks without reading its components
    parts = []
    for name, part in sorted(content.items()):
        value = text(part) if name == "params" else canonical(part)
        parts.append(f'"{name}":{value}')
    return _indented(f"{{{','.join(parts)}}}")


def pretty(content: Any) -> str:
    """JSON for a file: sorted keys, one value a line."""
    return _indented(canonical(content))


def _indented(text: str) -> str:
    # The standard encoder is pure Python as soon as it indents.
    return msgspec.json.format(text, indent=1) + "\n"


def _stage_yaml(stage: Stage, graph: dict[str, Stage]) -> str:
    deps = {"stage.json"}
    for item in stage.inputs:
        deps.add(f"../{graph[item.stage].directory}/out/{item.port}")
    # Only the user's files can have names that YAML would not take for a text.
    written = {}
    for path in stage.files.values():
        if Outside.parse(path) is not None:  # the executor verifies it: its place is not shared
            continue
        relative = os.path.join("../..", path)
        written[relative] = quoted(relative)
    ordered = sorted({*deps, *written})
    outs = sorted(["log", *(f"out/{port}" for port in stage.ports)])
    # The shape is constant, and a YAML library takes 3 ms a stage for it: most of a compile.
    lines = [
        "stages:",
        f"  {stage.kind}:",
        f"    cmd: {_COMMAND}",
        *listed("deps", (written.get(path, path) for path in ordered)),
        *listed("outs", outs),
    ]
    return "\n".join(lines) + "\n"


def listed(key: str, values: Iterable[str]) -> list[str]:
    """The lines of a list that belongs to a stage; of values that need no quotes."""
    return [f"    {key}:", *(f"    - {value}" for value in values)]


def quoted(path: str) -> str:
    """A path as a YAML scalar, in quotes unless it is made of harmless characters.

    JSON's quotes are YAML's too, except for its surrogate pairs.
    """
    if _HARMLESS.fullmatch(path):
        return path
    return json.dumps(path, ensure_ascii=False)


def address(directory: str) -> str:
    """How DVC names a stage.

    >>> address("train-3f9c2a71b04de615")
    'store/train-3f9c2a71b04de615/dvc.yaml:train'
    """
    return f"store/{directory}/dvc.yaml:{kind_of(directory)}"
