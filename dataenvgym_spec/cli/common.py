"""What several commands share: finding specs, compiling them, printing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dataenvgym_spec.compiler import Compiled, front_end, lower
from dataenvgym_spec.errors import SpecError, UserError, suggest
from dataenvgym_spec.ir import Entry
from dataenvgym_spec.store.layout import Layout, find_root

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The specs that a command is about, compiled in memory."""

    layout: Layout
    compiled: Compiled
    everything: bool

    def entry(self, name: str) -> Entry:
        """The entry of one experiment."""
        return next(item for item in self.compiled.graph.entries if item.name == name)


def layout_here() -> Layout:
    """The layout of the repository that the working directory lies in."""
    return Layout(root=find_root())


def load_project(names: tuple[str, ...] = (), *, root: Path | None = None) -> Project:
    """Compiles specs in memory.

    Args:
        names: files or experiment names; none means every active spec.
        root: the repository (default: found from the working directory).

    Raises:
        UserError: there is no repository, no spec, or no experiment of that name.
        SpecError: a spec has an error.
    """
    layout = Layout(root=root) if root else layout_here()
    paths = [find_spec(name, layout) for name in names] or layout.specs()
    if not paths:
        raise UserError("there are no specs: specs/*.yaml is empty", help="write one; see the README")
    return Project(layout=layout, compiled=lower(front_end(paths, root=layout.root)), everything=not names)


def find_spec(name: str, layout: Layout) -> Path:
    """The spec file that a command line names, by path or by experiment name."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return path
    by_name: dict[str, Path] = {}
    for candidate in layout.specs():
        if candidate.stem == name:
            return candidate
        try:
            (spec,) = front_end([candidate], root=layout.root)
            by_name[spec.base.name] = candidate
        except SpecError:
            continue
    if name not in by_name:
        known = {*by_name, *(candidate.stem for candidate in layout.specs())}
        raise UserError(f"there is no experiment '{name}'", help=suggest(name, known))
    return by_name[name]


def print_json(content: Any) -> None:
    """Prints JSON for programs."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def plural(count: int, word: str) -> str:
    """A count with its noun.

    >>> plural(2, "stage")
    '2 stages'
    """
    return f"{count} {word}{'' if count == 1 else 's'}"
