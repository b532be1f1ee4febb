"""Bundles to open: results that nobody has computed, and bundles that were tampered with."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.emit.entry import entry, home
from dataenvgym_spec.emit.stages import stage_files
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.store.dvc.dialect import dump
from tests.support.repositories import call

Row = dict[str, Any]


def with_results(repo: Path, by: str = "") -> Path:
    """Compiles a repository and gives each stage the result and the lock of one that DVC has run.

    What DVC takes half a minute for takes less than a second. The results are in its cache only;
    those that are there already stay.

    Args:
        repo: the repository.
        by: who made them: what logs differ by.
    """
    project = load_project(root=repo)
    graph = project.compiled.graph
    write(graph, project.layout, everything=True)
    known, made = graph.by_id(), dict[str, Row]()
    for stage in graph.stages:
        folder = f"store/{stage.directory}"
        if (repo / folder / "dvc.lock").exists():
            text = (repo / folder / "dvc.lock").read_text(encoding="utf-8")
            for row in yaml.safe_load(text)["stages"][stage.kind]["outs"]:
                made[f"{folder}/{row['path']}"] = row
            continue
        body = yaml.safe_load(stage_files(stage, known)["dvc.yaml"])["stages"][stage.kind]
        deps = [_read(repo, folder, path, made) for path in body["deps"]]
        outs = [
            _written(repo, folder, path, made, by=by if path == "log" else "")
            for path in body["outs"]
        ]
        _lock(repo / folder, {stage.kind: {"cmd": body["cmd"], "deps": deps, "outs": outs}})
    reports: dict[str, dict[str, Row]] = {}
    for item in graph.entries:
        body = entry(item, graph)
        deps = [_read(repo, "", path, made) for path in body["deps"]]
        written = sorted([*body["outs"], *body["metrics"]])
        outs = [_written(repo, "", path, made, whole=path.endswith("curves")) for path in written]
        lock = {"cmd": body["cmd"], "deps": deps, "outs": outs}
        reports.setdefault(home(item), {})[item.name] = lock
    for folder, stages in reports.items():
        _lock(repo / folder, stages)
    return repo


def _read(repo: Path, folder: str, path: str, made: dict[str, Row]) -> Row:
    """What a lock says of an input: of a result as it was made, of a file as it is."""
    place = (repo / folder / path).resolve().relative_to(repo.resolve()).as_posix()
    if place in made:
        return {**made[place], "path": path}
    content = (repo / place).read_bytes()
    return {"path": path, "hash": "md5", "md5": md5(content), "size": len(content)}


def _written(
    repo: Path,
    folder: str,
    path: str,
    made: dict[str, Row],
    *,
    whole: bool | None = None,
    by: str = "",
) -> Row:
    """Puts a made-up result into DVC's cache; says what a lock says of it."""
    place = f"{folder}/{path}" if folder else path
    content = f"what {place} holds{by}\n".encode()
    row: Row = {"path": path, "hash": "md5", "md5": _cached(repo, content), "size": len(content)}
    if whole or (whole is None):
        listing = json.dumps([{"md5": row["md5"], "relpath": "content.txt"}]).encode()
        row |= {"md5": f"{_cached(repo, listing, '.dir')}", "nfiles": 1}
    made[place] = row
    return row


def _cached(repo: Path, content: bytes, ending: str = "") -> str:
    digest = f"{md5(content)}{ending}"
    path = _object(repo, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(content)
        path.chmod(0o444)
    return digest


def _object(repo: Path, digest: str) -> Path:
    return repo / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]


def _lock(folder: Path, stages: dict[str, Row]) -> None:
    text = dump({"schema": "2.0", "stages": stages}, sort_keys=False)
    (folder / "dvc.lock").write_text(text, encoding="utf-8")


def md5(content: bytes) -> str:
    """DVC's hash of bytes."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    """The name of a member with this content."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that could be brought to a repository.

    Attributes:
        lock: what a lock says of it.
        objects: its files, by DVC's hash.
    """

    lock: Row
    objects: dict[str, bytes]


def report_of(repo: Path, page: bytes, name: str = "tiny") -> Report:
    """The report that `with_results` gave a repository, with another page."""
    text = (repo / "dvc.lock").read_text(encoding="utf-8")
    body = yaml.safe_load(text)["stages"][name]
    objects: dict[str, bytes] = {}
    for row in body["outs"]:
        if row["path"].endswith("index.html"):
            row |= {"md5": md5(page), "size": len(page)}
            objects[md5(page)] = page
            continue
        waiting = [row["md5"]]
        while waiting:
            digest = waiting.pop()
            objects[digest] = _object(repo, digest).read_bytes()
            if digest.endswith(".dir"):
                waiting += [file["md5"] for file in json.loads(objects[digest])]
    for row in (*body["deps"], *body["outs"]):
        del row["hash"]
    return Report(lock=body, objects=objects)


@dataclass(slots=True)
class Parts:
    """A bundle taken apart: its manifest as JSON values, and its other members by name."""

    manifest: dict[str, Any]
    members: dict[str, bytes]

    def plant(self, report: Report) -> None:
        """Adds a report with its lock, as DVC would have to have it in order to run nothing."""
        self.manifest["experiments"][0]["lock"] = report.lock
        for digest, content in report.objects.items():
            self.object(digest, content)

    def object(self, digest: str, content: bytes) -> None:
        """Adds an object of DVC's cache."""
        self.manifest["objects"].append({"md5": digest, **self.add(content)})

    def add(self, content: bytes) -> dict[str, Any]:
        """Adds a member; what a row of the manifest says of it."""
        self.members[sha256(content)] = content
        return {"bytes": len(content), "sha256": sha256(content)}

    def file(self, path: str, content: bytes = b"x\n", **more: Any) -> None:
        """Adds a file of the repository."""
        self.manifest["files"].append({"path": path, **self.add(content), **more})

    def rewrite(self, path: str, content: bytes) -> None:
        """Gives a file of the repository another content, and says so."""
        (row,) = [row for row in self.manifest["files"] if row["path"] == path]
        row |= self.add(content)

    def replace_object(self, old: str, content: bytes, new: str | None = None) -> None:
        """Puts other bytes in the place of a cached object, under its name or another one."""
        (row,) = [row for row in self.manifest["objects"] if row["md5"] == old]
        row |= {"md5": new or old, **self.add(content)}

    def write(self, path: Path) -> Path:
        """Writes the archive of these parts, whatever they are."""
        members = [
            ("bundle.json", json.dumps(self.manifest).encode()),
            *sorted(self.members.items()),
        ]
        wanted = {row["sha256"] for row in self.manifest.get("files", ())}
        wanted |= {row["sha256"] for row in self.manifest.get("objects", ())}
        if self.manifest.get("journal"):
            wanted.add(self.manifest["journal"]["sha256"])
        kept = [(name, data) for name, data in members if name == "bundle.json" or name in wanted]
        return write_members(path, [(plain(name, data), data) for name, data in kept])


def plain(name: str, data: bytes, **more: Any) -> tarfile.TarInfo:
    """The header of a member."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in more.items():
        setattr(member, key, value)
    return member


def write_members(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """Writes an archive of any members."""
    with gzip.open(path, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return path


def parts_of(bundle: Path) -> Parts:
    """A bundle taken apart."""
    with tarfile.open(bundle) as archive:
        members = {item.name: archive.extractfile(item).read() for item in archive}  # type: ignore[union-attr]
    return Parts(json.loads(members.pop("bundle.json")), members)


def bundled(repo: Path, target: Path, parts: str = "results,students", name: str = "tiny") -> Path:
    """A bundle of a repository's study."""
    call("dataenvgym", "bundle", name, "--with", parts, "-o", str(target), cwd=repo)
    return target
