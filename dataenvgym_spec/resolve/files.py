"""The files that a spec names, read once each: what enters keys, and what is wrong with them.

Where a spec names files is in `language.validate`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.chat_template import read_template
from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import Diagnostic, UserError
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.records.formats import has_row_lines
from dataenvgym_spec.records.reading import Reading
from dataenvgym_spec.records.skill_files import read_skill_file
from dataenvgym_spec.records.tables import RowFault, count_rows
from dataenvgym_spec.resolve.columns import ColumnTable
from dataenvgym_spec.resolve.extends import Family
from dataenvgym_spec.resolve.holdings import Holding

BUILT_IN: Final = "builtin:"
"""What the name of a built-in template begins with."""
LARGEST_TEMPLATE: Final = 400_000
"""Bytes of a text that is parsed: a template, a model's configuration."""


@cache
def built_in_templates() -> Mapping[str, str]:
    """The built-in templates by name: the files of `gym/prompts`."""
    folder = Path(__file__).parents[1] / "gym" / "prompts"
    paths = sorted(folder.glob("*.j2"))
    return {f"{BUILT_IN}{path.stem}": path.read_text(encoding="utf-8") for path in paths}


def templates_of(task: Definition | None) -> Mapping[str, str]:
    """The built-in templates by name, as a kind of tasks has them."""
    own = {} if task is None else {f"{BUILT_IN}{name}": text for name, text in task.prompts.items()}
    return {**built_in_templates(), **own}


def template_text(given: str, task: Definition) -> str:
    """The text of a template that a resolved spec has: its own, or that of the built-in name."""
    return templates_of(task).get(given, given) if given.startswith(BUILT_IN) else given


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that a spec names. The path only says where it lies.

    Attributes:
        content: what enters keys: a template's text; of other files `sha256:` and the digest.
        digest: SHA-256 of the file's bytes.
        path: relative to the repository, or in a folder outside that the user allows, such as
            `models:gemma-2`; empty for a built-in template.
        is_data: whether stages read the file itself.
        rows: lines that are not empty, of a data file; None if a line cannot be read.
        table: of a data file, its columns; None if it is too large to be looked into.
        fault: what stops the reading of a data file; None if all of it was read.
        holding: its items, if they are not too many to be counted.
        config: of a model's directory, its `config.json`; None if there is none that can be read.
        chat_template: of a model's directory; None if it has none.
        skills: of a file of skills, their names.
    """

    content: str
    digest: str = ""
    path: str = ""
    is_data: bool = False
    rows: int | None = None
    table: ColumnTable | None = None
    fault: RowFault | None = None
    holding: Holding | None = None
    config: dict[str, Any] | None = None
    chat_template: str | None = None
    skills: tuple[str, ...] = ()

    def read_as(self, reading: Reading, named: tuple[str, ...] = ()) -> File:
        """A data file as a component reads it, with columns inside of lists that it names."""
        if self.holding is None:
            return self
        return self.looked(self.holding.read_as(reading), named)

    def looked(self, holding: Holding, named: tuple[str, ...] = ()) -> File:
        """The file with what was looked up in it."""
        table = holding.table(named)
        if table is None:
            return replace(self, rows=None, table=None, fault=None, holding=None)
        if isinstance(table, RowFault):  # how many rows there are is not known then
            return replace(self, rows=None, table=None, fault=table, holding=holding)
        return replace(self, rows=table.rows, table=table, fault=None, holding=holding)


class Reader:
    """Reads the files that a spec names, once each, collecting what is wrong with them."""

    def __init__(self, family: Family, folder: Path, root: Path) -> None:
        self.folders, self.folder = family.folders, folder
        self.contents = Contents(root)
        self.root = self.contents.root
        self.findings: list[Diagnostic] = []
        self._read: dict[tuple[Path, str, str], File] = {}

    def read(self, node: Node, form: str, task: Definition | None = None) -> File:
        """A file by the path at a node, relative to the spec file that the node is written in.

        Args:
            node: where it is named.
            form: what it has to be; see `x-file`.
            task: the kind of the task, which may have built-in templates of its own.
        """
        name = str(node.value)
        if form == "template" and name.startswith(BUILT_IN):
            return self._built_in(node, name, task)
        folder = self.folders.get(node.span.file, self.folder)
        earlier = self._read.get((folder, name, form))
        if earlier is not None:
            return earlier
        help = "give a path relative to the spec, inside the repository"
        try:
            shown, path = self._place(folder, name, form)
            _check_usable(path, shown, form)
            file = self._load(path, shown, form)
        except UserError as error:
            message = f"'{name[:100]}' cannot be read: {error.message}"
            self._report(node, message, error.help, _needed(self.root, name))
            return File(content="")
        except (OSError, ValueError, RuntimeError) as error:
            message = f"the file '{name[:100]}' {_reason(error)}"
            self._report(node, message, getattr(error, "help", help), _needed(self.root, name))
            return File(content="")
        self._read[folder, name, form] = file
        return file

    def _place(self, folder: Path, name: str, form: str) -> tuple[str, Path]:
        """What a file is called everywhere, and where it lies here.

        Raises:
            OSError, RuntimeError: the path cannot be followed.
            ValueError: it leads to where no spec may read.
            UserError: it is in a folder outside that this machine does not know.
        """
        outside = None if os.path.lexists(folder / name) else Outside.parse(name)
        if outside is not None and form != "template":
            path = self.contents.place(name)
            self.contents.require_usable(path, outside)
            return name, path
        path = folder.resolve() / name
        self.contents.require_usable(path)
        target = path.resolve()
        if self.contents.is_cached(target):
            # DVC keeps what it tracks as links into its cache: the link is the file.
            target = path.parent.resolve() / path.name
        shown = target.relative_to(self.root).as_posix()
        # A stage may not take a file of the repository for one in a named folder.
        return (shown if Outside.parse(shown) is None else f"./{shown}"), target

    def _built_in(self, node: Node, name: str, task: Definition | None) -> File:
        known = templates_of(task)
        if name not in known:
            message = f"there is no built-in template '{name}'"
            self._report(node, message, f"built in: {', '.join(known)}")
        return File(content=known.get(name, ""))

    def _load(self, path: Path, shown: str, form: str) -> File:
        if form == "template" and path.stat().st_size > LARGEST_TEMPLATE:
            raise ValueError(f"is larger than {LARGEST_TEMPLATE} bytes")
        digest = self.contents.digest(path)
        if form == "template":
            return File(content=path.read_text(encoding="utf-8"), digest=digest, path=shown)
        data = File(content=f"sha256:{digest}", digest=digest, path=shown, is_data=True)
        if form == "whole":
            return data  # only its component knows what it holds
        if form == "skills":
            return replace(data, skills=read_skill_file(path).skills)
        if form == "directory":
            return replace(data, config=_config(path), chat_template=read_template(path))
        remembered = self.contents.remembered
        holding = Holding(path, remembered, Reading(tables=form == "table"))
        try:
            looked = data.looked(holding)
            by_line = form == "data" or has_row_lines(path)
            if looked.table is None and looked.fault is None and by_line:
                rows = remembered.of(path, "rows", lambda file: str(count_rows(file)))
                return replace(data, rows=int(rows))
        except RowFault as fault:
            return replace(data, fault=fault)
        return looked

    def _report(self, node: Node, message: str, help: str, notes: tuple[str, ...] = ()) -> None:
        finding = Diagnostic(code="E203", message=message, span=node.span, help=help, notes=notes)
        self.findings.append(finding)


class _Compiled(msgspec.Struct):
    """The part of a compiled experiment that says what its files held."""

    inputs: dict[str, str] = {}


def _needed(root: Path, name: str) -> tuple[str, ...]:
    """What a file in a folder outside has to hold, as the experiments here were compiled."""
    if Outside.parse(name) is None:
        return ()
    notes = []
    for path in sorted((root / "experiments").glob("*.json")):
        try:
            digest = msgspec.json.decode(path.read_bytes(), type=_Compiled).inputs.get(name)
        except (OSError, msgspec.DecodeError):
            continue
        if digest is not None:
            notes.append(f"experiments/{path.name} was made with the content sha256:{digest}")
    return tuple(notes)


def _reason(error: Exception) -> str:
    if isinstance(error, RuntimeError):
        return "is a circle of links"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    return getattr(error, "strerror", None) or str(error)


def _check_usable(path: Path, shown: str, form: str) -> None:
    """Checks what lies at a path.

    Raises:
        ValueError: it cannot be used; says why.
    """
    if "${" in shown or not shown.isprintable():
        raise ValueError("has a name that DVC would not take as it is")
    if not path.exists():
        raise ValueError("does not exist")
    if path.is_dir() != (form == "directory"):
        raise ValueError("is a directory" if path.is_dir() else "is not a directory")
    if form != "directory" and not path.is_file():  # a pipe would be read for ever
        raise ValueError("is no ordinary file")


def _config(folder: Path) -> dict[str, Any] | None:
    path = folder / "config.json"
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_TEMPLATE:
            return None
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
