"""What several commands share: compiling specs, printing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click

from dataenvgym_spec.cli.naming import FIRST, chosen_files
from dataenvgym_spec.compile.compiler import Compiled, Locks, front_end, lower, warnings
from dataenvgym_spec.core.errors import Diagnostic, UserError, gathered, more, seen, visible
from dataenvgym_spec.core.text import printable_json, shortened
from dataenvgym_spec.emit.paths import settled
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.results.edited import edited, notice
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.store.layout import Layout, find_root

Name = TypeVar("Name", bound=str)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
setting = click.option(
    "--set",
    "sets",
    metavar="PATH=VALUE",
    multiple=True,
    help="Set a value of the spec, above every other: --set loop.iterations=3. Can be repeated.",
)


@dataclass(frozen=True, kw_only=True)
class Project:
    """The specs that a command is about, compiled in memory."""

    layout: Layout
    compiled: Compiled
    everything: bool

    def entry(self, name: str) -> Entry:
        """The entry of one experiment."""
        return self._entries[name]

    def spec(self, name: str) -> Resolved:
        """The resolved spec of one experiment."""
        return self._specs[name]

    # A sweep has a thousand experiments, and each is asked for by name.
    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return {item.name: item for item in self.compiled.graph.entries}

    @cached_property
    def _specs(self) -> dict[str, Resolved]:
        return {spec.base.name: spec for spec in self.compiled.specs}


def layout_here() -> Layout:
    """The layout of the repository that holds the working directory."""
    return Layout(root=find_root())


def load_project(
    names: Sequence[str] = (), *, sets: Sequence[str] = (), root: Path | None = None
) -> Project:
    """Compiles specs in memory and prints their warnings.

    Args:
        names: files, specs or experiments; none means every active spec.
        sets: settings of the command line.
        root: the repository (default: found from the working directory).

    Raises:
        UserError: there is no repository, no spec, or no experiment of that name.
        SpecError: a spec has an error.
    """
    layout = Layout(root=root) if root else layout_here()
    compiled = compile_specs(read_specs(names, layout, sets))
    # A file that moved without a change keeps the name that the store has.
    graph = settled(compiled.graph, layout)
    compiled = replace(compiled, graph=graph)
    return Project(layout=layout, compiled=compiled, everything=not names)


def compile_specs(specs: tuple[Resolved, ...]) -> Compiled:
    """Compiles specs in memory and warns of experiments that are the same.

    Raises:
        SpecError: a proof failed.
    """
    compiled = lower(specs)
    _warn(compiled.warnings)
    return compiled


def read_specs(
    names: Sequence[str], layout: Layout, sets: Sequence[str] = (), *, locks: Locks = "hold"
) -> tuple[Resolved, ...]:
    """Resolves what a command line names, and prints warnings.

    Args:
        names: files, specs, or single experiments of a sweep; none means every active spec.
        layout: the repository.
        sets: settings of the command line.
        locks: how far the locks of specs are honoured; see `compiler.front_end`.

    Raises:
        UserError: there is no spec, or none of that name.
        SpecError: a spec has an error.
    """
    chosen = chosen_files(names, layout, sets) if names else dict.fromkeys(layout.specs())
    if not chosen:
        raise UserError("there are no specs: specs/*.yaml is empty", help=FIRST)
    specs = front_end(chosen, root=layout.root, sets=sets, locks=locks)
    _warn(warnings(specs))
    return specs


def _warn(diagnostics: Iterable[Diagnostic]) -> None:
    """Prints warnings on standard error."""
    shown = gathered(diagnostics)
    if not shown:
        return
    for diagnostic in shown:
        click.echo(diagnostic.render(), err=True)
    click.echo(more(shown), err=True)


def warn_of_edits(results: Results) -> None:
    """Says on standard error that a spec was edited after it was compiled."""
    said = notice(results.name, edited(results))
    if said:
        click.echo(seen(f"warning: {said}"), err=True)


def print_json(content: Any) -> None:
    """Prints JSON for programs."""
    click.echo(printable_json(json.dumps(content, indent=2, ensure_ascii=False)))


def sums_of(counts: Mapping[Name, int], names: Iterable[Name]) -> str:
    """How many there are of each, in the order of the names.

    >>> sums_of({"b": 1, "a": 2}, ("a", "b", "c"))
    '2 a, 1 b'
    """
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))


def plural(count: int, word: str) -> str:
    """A count with its noun.

    >>> plural(2, "stage")
    '2 stages'
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def fitting(text: str, limit: int) -> str:
    r"""What others may have written, as a terminal shows it, and cut to a length.

    >>> fitting("a\x1b[2Jbcd", 12)
    'a\\x1b[2Jbcd'
    >>> fitting("a\x1b[2Jbcd", 8)
    'a\\x1b...'
    """
    return shortened(visible(text), limit)
