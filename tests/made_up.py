"""A large repository whose every stage is done, made without running DVC: outs, cache, locks and run cache in DVC's form."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.hashing import md5_text
from dataenvgym_spec.ir import Stage
from dataenvgym_spec.machine import stamp
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.state import hash_of, run_key


def make_up(repo: Path) -> int:
    """Compiles every spec of a repository and pretends that every stage was made. Returns how many there are."""
    layout = Layout(root=repo)
    project = load_project((), root=repo)
    write(project.compiled, layout, everything=True)
    for stage in project.compiled.graph.stages:
        _pretend(layout, stage)
    return len(project.compiled.graph.stages)


def _pretend(layout: Layout, stage: Stage) -> None:
    folder = layout.stage(stage.directory)
    body = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage.kind]
    for out in body["outs"]:
        text = json.dumps({"started": 1.0, "seconds": {"total": 1.0}, **stamp()}) if out == "log" else stage.id + out
        (folder / out).mkdir(parents=True)
        (folder / out / ("run.json" if out == "log" else "content.txt")).write_text(text, encoding="utf-8")
    deps, outs = ({path: hash_of(folder / path) or "" for path in body[name]} for name in ("deps", "outs"))
    for out, digest in outs.items():
        _cache(layout, folder / out, digest)
    lock = {
        "cmd": body["cmd"],
        **{name: [{"path": path, "hash": "md5", "md5": digest} for path, digest in sorted(found.items())] for name, found in (("deps", deps), ("outs", outs))},
    }
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {stage.kind: lock}}, sort_keys=False), encoding="utf-8")
    key, value = run_key(body["cmd"], deps, list(outs)), hashlib.sha256(stage.id.encode()).hexdigest()
    entry = layout.root / ".dvc" / "cache" / "runs" / key[:2] / key / value
    entry.parent.mkdir(parents=True)
    entry.write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")


def _cache(layout: Layout, path: Path, digest: str) -> None:
    rows = [{"md5": hash_of(file), "relpath": file.name} for file in sorted(path.iterdir())]
    for name, file in ((row["md5"], path / row["relpath"]) for row in rows):
        _put(layout, str(name), file.read_text(encoding="utf-8"))
    _put(layout, digest, json.dumps(rows, sort_keys=True))
    assert digest == md5_text(json.dumps(rows, sort_keys=True)) + ".dir"


def _put(layout: Layout, digest: str, text: str) -> None:
    target = layout.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(0o444)
