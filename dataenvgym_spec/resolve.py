"""From a spec file to one complete experiment record per arm: merging, files, defaults. No graph yet.

What is needed of the world (a file's text or digest) is read here, so that everything after it is pure.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec import findings, schema, source
from dataenvgym_spec.errors import Diagnostic, SpecError
from dataenvgym_spec.hashing import file_digest
from dataenvgym_spec.source import Node
from dataenvgym_spec.spec import Experiment

BUILT_IN_TEMPLATES: Final = {"builtin:question": "{{ input }}\n"}
DEFAULT_ARM: Final = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A data file or directory that a spec names: it enters keys by digest; the path only says where it lies."""

    digest: str
    path: str
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm, complete: everything inherited, defaulted and read."""

    name: str
    experiment: Experiment
    node: Node
    files: dict[str, File]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A spec file after resolution."""

    path: str
    node: Node
    arms: tuple[Arm, ...]
    inputs: dict[str, str]

    @property
    def base(self) -> Experiment:
        """What all arms share: name, task, seeds, analysis."""
        return self.arms[0].experiment


def resolve(path: Path, *, root: Path) -> Resolved:
    """Reads a spec and resolves its arms.

    Args:
        path: the spec file.
        root: the repository; files that a spec names must lie in it.

    Raises:
        SpecError: all findings of the first step that has any (text, schema, files).
    """
    shown = os.path.relpath(path, root) if path.resolve().is_relative_to(root.resolve()) else str(path)
    node = source.read(path, shown=shown)
    _stop_on(findings.validate(node) if isinstance(node.value, dict) else [_not_a_mapping(node)])
    assert isinstance(node.value, dict)
    variants = node.value.get("arms")
    base = replace(node, value={key: value for key, value in node.value.items() if key not in ("arms", "$schema")})
    named = variants.value if variants is not None and isinstance(variants.value, dict) else {DEFAULT_ARM: None}
    merged = {name: merge(base, override) if override is not None else base for name, override in named.items()}
    changed = [tree for name, tree in merged.items() if named[name] is not None and tree.value != base.value]
    _stop_on([finding for tree in changed for finding in findings.validate(tree)])
    reader = _Reader(path.parent, root)
    arms = tuple(_arm(name, tree, reader) for name, tree in merged.items())
    _stop_on(reader.found)
    return Resolved(path=shown, node=node, arms=arms, inputs={shown: file_digest(path), **reader.inputs})


def merge(below: Node, above: Node) -> Node:
    """Merges an override into a tree: mappings deep, another `kind` replaces, lists replace, `null` removes a key."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    kinds = below.value.get("kind"), above.value.get("kind")
    if kinds[0] is not None and kinds[1] is not None and kinds[0].value != kinds[1].value:
        return above
    out = dict(below.value)
    for key, value in above.value.items():
        if value.value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out[key], value) if key in out else value
    return replace(below, value=out)


def _stop_on(found: list[Diagnostic]) -> None:
    if found:
        raise SpecError(found)


def _not_a_mapping(node: Node) -> Diagnostic:
    return Diagnostic(code="E103", message="a spec is a mapping", span=node.span, help="start with 'version: 1'")


def _arm(name: str, tree: Node, reader: _Reader) -> Arm:
    read = {path: reader.read(tree.at(path), form) for path, form in findings.file_references(tree)}
    plain: Any = tree.plain()
    for path, value in read.items():
        holder = plain
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value.digest if isinstance(value, File) else value
    record = msgspec.convert(_component_defaults(plain), Experiment)
    files = {value.digest: value for value in read.values() if isinstance(value, File)}
    return Arm(name=name, experiment=record, node=tree, files=files)


def _component_defaults(plain: dict[str, Any]) -> dict[str, Any]:
    """Fills in the defaults of every component of a valid spec."""
    task, student, agent = plain["task"], plain["student"], plain["agent"]
    task["sources"] = {name: schema.with_defaults("source", item) for name, item in task["sources"].items()}
    task["score"] = schema.with_defaults("scorer", task["score"])
    student["model"] = schema.with_defaults("model", student["model"])
    if "adapter" in student["train"]:
        student["train"]["adapter"] = schema.with_defaults("adapter", student["train"]["adapter"])
    plain["teachers"] = {name: schema.with_defaults("teacher", item) for name, item in plain.get("teachers", {}).items()}
    plain["skills"]["discover"] = schema.with_defaults("discovery", plain["skills"]["discover"])
    agent["policy"] = schema.with_defaults("policy", agent["policy"])
    agent["engine"] = schema.with_defaults("engine", agent["engine"])
    agent["checks"] = {name: schema.with_defaults("check", {"kind": name, **item}) for name, item in agent.get("checks", {}).items()}
    return plain


class _Reader:
    """Reads the files that a spec names, once each, collecting what is wrong with them."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root.resolve()
        self.found: list[Diagnostic] = []
        self.inputs: dict[str, str] = {}

    def read(self, node: Node, form: str) -> str | File:
        name = str(node.value)
        if form == "template" and name.startswith("builtin:"):
            if name not in BUILT_IN_TEMPLATES:
                self._report(node, f"there is no built-in template '{name}'", f"built in: {', '.join(BUILT_IN_TEMPLATES)}")
            return BUILT_IN_TEMPLATES.get(name, "")
        try:
            path = (self.folder / name).resolve()
            if not path.is_relative_to(self.root):
                raise ValueError("lies outside the repository")
            if "${" in name or not name.isprintable():
                raise ValueError("has a name that DVC would not take as it is")
            if path.is_dir() != (form == "directory"):
                raise ValueError("is a directory" if path.is_dir() else "is not a directory" if path.exists() else "does not exist")
            return self._load(path, form)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or ("is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error))
            self._report(node, f"the file '{name[:100]}' {reason}", "give a path relative to the spec, inside the repository")
            return ""

    def _load(self, path: Path, form: str) -> str | File:
        shown = path.relative_to(self.root).as_posix()
        if form == "template":
            text = path.read_text(encoding="utf-8")
            self.inputs[shown] = file_digest(path)
            return text
        with_rows = form == "data"
        rows = sum(1 for line in path.open("rb") if line.strip()) if with_rows else None
        file = File(digest=f"sha256:{file_digest(path)}", path=shown, rows=rows)
        self.inputs[shown] = file.digest.removeprefix("sha256:")
        return file

    def _report(self, node: Node, message: str, help: str) -> None:
        self.found.append(Diagnostic(code="E203", message=message, span=node.span, help=help))
