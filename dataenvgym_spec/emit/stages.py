"""A stage as files: `stage.json` (what it does, canonical) and `dvc.yaml` (how DVC runs it)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import yaml

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.keys import identity
from dataenvgym_spec.language.scalars import is_text

DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
COMMAND = 'exec env PATH="$PATH:{up}.venv/bin" dataenvgym {rest}'
"""`exec` makes the executor DVC's own child, so that it notices DVC's death. The repository's `.venv` is looked into last:
DVC passes the caller's PATH on, and a `dvc` called by its path would not find the executor."""
_COMMAND: Final = COMMAND.format(up="../../", rest="stage")


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
    """The text of `stage.json`; its hash is what DVC knows the stage by."""
    content: dict[str, Any] = {
        "format": 1,
        "key": stage.id,
        **identity(stage),
        "reads": {
            key: graph[key].directory for key in sorted({item.stage for item in stage.inputs})
        },
        "files": stage.files,
    }
    parts = (
        f'"{name}":{text(part) if name == "params" else canonical(part)}'
        for name, part in sorted(content.items())
    )
    return _indented(f"{{{','.join(parts)}}}")


def pretty(content: Any) -> str:
    """JSON for a file: sorted keys, one value a line."""
    return _indented(canonical(content))


def _indented(text: str) -> str:
    # The standard encoder is pure Python as soon as it indents.
    return msgspec.json.format(text, indent=1) + "\n"


def _stage_yaml(stage: Stage, graph: dict[str, Stage]) -> str:
    ports = {f"../{graph[item.stage].directory}/out/{item.port}" for item in stage.inputs}
    files = {os.path.join("../..", path) for path in stage.files.values()}
    deps = [
        _plain(path) if path in files else path for path in sorted({"stage.json", *ports, *files})
    ]
    outs = sorted(["log", *(f"out/{port}" for port in stage.ports)])
    # The shape is constant, and a YAML library takes 3 ms a stage for it: most of the time of a compile.
    lines = [
        "stages:",
        f"  {stage.kind}:",
        f"    cmd: {_COMMAND}",
        *listed("deps", deps),
        *listed("outs", outs),
    ]
    return "\n".join(lines) + "\n"


def listed(key: str, values: Iterable[str]) -> list[str]:
    """The lines of a list that belongs to a stage; of values that need no quotes."""
    return [f"    {key}:", *(f"    - {value}" for value in values)]


def _plain(path: str) -> str:
    """A path as a YAML scalar: quoted, which JSON's quotes do for YAML too (but not its surrogate pairs), unless it is made of harmless characters."""
    return path if re.fullmatch(r"[A-Za-z0-9_./-]+", path) else json.dumps(path, ensure_ascii=False)


class _Dumper(DUMPER):  # type: ignore[misc, valid-type]
    """Writes no aliases, and quotes a text that YAML 1.2 would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Equal values are written out."""
        return True


def _text(dumper: Any, value: str) -> Any:
    """PyYAML quotes what YAML 1.1 would take for a number; `1e-4` and `0o17` are numbers in YAML 1.2 only."""
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", value, style=None if is_text(value) else "'"
    )


_Dumper.add_representer(str, _text)


def dump(content: Any, *, sort_keys: bool = True) -> str:
    """YAML as DVC writes it: block style, keys sorted, no aliases."""
    return yaml.dump(
        content,
        Dumper=_Dumper,
        sort_keys=sort_keys,
        default_flow_style=False,
        width=1000,
        allow_unicode=True,
    )


def address(directory: str) -> str:
    """How DVC names a stage: `store/train-3f9c2a71b04de615/dvc.yaml:train`."""
    return f"store/{directory}/dvc.yaml:{directory.rpartition('-')[0]}"
