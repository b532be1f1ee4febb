"""A large repository whose every stage is done, made without running DVC: outs, cache, locks and run cache in DVC's form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Final

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.core.hashing import md5_text
from dataenvgym_spec.core.machine import stamp
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.store.dvc.state import hash_of, run_key
from dataenvgym_spec.store.layout import Layout

STAMP: Final = stamp()


def make_up(repo: Path, part: float = 1.0, specs: Sequence[str] = ()) -> int:
    """Compiles specs of a repository and pretends that stages were made. Returns how many.

    Args:
        repo: the repository. What stages of it have written is kept.
        part: how many of all, from the first on: each after those that it reads.
        specs: which ones; empty for those in `specs/`.
    """
    layout = Layout(root=repo)
    project = load_project(tuple(specs), root=repo)
    write(project.compiled.graph, layout, everything=True)
    stages = project.compiled.graph.stages
    made = stages[: int(part * len(stages))]
    for stage in made:
        _pretend(layout, stage)
    return len(made)


def _pretend(layout: Layout, stage: Stage) -> None:
    folder = layout.stage(stage.directory)
    cmd, deps, outs = _read(folder / "dvc.yaml")
    for out in outs:
        if (folder / out).is_dir():
            continue
        text = (
            json.dumps({"started": 1.0, "seconds": {"total": 1.0}, **STAMP})
            if out == "log"
            else stage.id + out
        )
        (folder / out).mkdir(parents=True)
        (folder / out / ("run.json" if out == "log" else "content.txt")).write_text(
            text, encoding="utf-8"
        )
    read, wrote = ({path: hash_of(folder / path) or "" for path in paths} for paths in (deps, outs))
    for out, digest in wrote.items():
        _cache(layout, folder / out, digest)
    body = [f"cmd: {cmd}"]
    for part, found in (("deps", read), ("outs", wrote)):
        body += [
            f"{part}:",
            *(
                f"- path: {path}\n  hash: md5\n  md5: '{digest}'"
                for path, digest in sorted(found.items())
            ),
        ]
    text = "\n".join(body) + "\n"
    lock = f"schema: '2.0'\nstages:\n  {stage.kind}:\n{indent(text, '    ')}"
    (folder / "dvc.lock").write_text(
        re.sub(r"'([0-9a-f]{32}(?:\.dir)?)'", r"\1", lock), encoding="utf-8"
    )
    key, value = run_key(cmd, read, outs), hashlib.sha256(stage.id.encode()).hexdigest()
    entry = layout.root / ".dvc" / "cache" / "runs" / key[:2] / key / value
    entry.parent.mkdir(parents=True)
    entry.write_text(text, encoding="utf-8")


def _read(path: Path) -> tuple[str, list[str], list[str]]:
    """Command, deps and outs of a stage. Of two thousand, a YAML library would take the most time."""
    head, _, rest = path.read_text(encoding="utf-8").partition("    deps:\n")
    deps, _, outs = rest.partition("    outs:\n")
    read, made = (
        [line.removeprefix("    - ") for line in part.splitlines()] for part in (deps, outs)
    )
    return head.partition("cmd: ")[2].strip(), read, made


def _cache(layout: Layout, path: Path, digest: str) -> None:
    rows = []
    for file in sorted(path.iterdir()):
        rows.append({"md5": hash_of(file), "relpath": file.name})
        _put(layout, str(hash_of(file)), file.read_text(encoding="utf-8"))
    _put(layout, digest, json.dumps(rows, sort_keys=True))
    assert digest == md5_text(json.dumps(rows, sort_keys=True)) + ".dir"


def _put(layout: Layout, digest: str, text: str) -> None:
    target = layout.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(0o444)
