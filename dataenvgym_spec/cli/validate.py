"""`dataenvgym validate`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click

from dataenvgym_spec.cli.common import (
    as_json,
    compile_specs,
    plural,
    print_json,
    read_specs,
    setting,
)
from dataenvgym_spec.compile.allotment import allotment, in_words
from dataenvgym_spec.compile.compiler import warnings
from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.store.layout import Layout, find_root

MOST_NAMES: Final = 8
"""How many valid experiments are named."""


@click.command("validate")
@click.argument("specs", nargs=-1)
@setting
@as_json
def command(specs: tuple[str, ...], sets: tuple[str, ...], as_json: bool) -> int:
    """Check specs (default: every specs/*.yaml) and report everything that is wrong, with places
    and remedies.

    \b
    Example:
      dataenvgym validate specs/quickstart.yaml
    """
    try:
        resolved = read_specs(specs, Layout(root=_root()), sets)
        graph = compile_specs(resolved).graph
    except SpecError as error:
        if not as_json:
            raise
        print_json({"valid": False, "diagnostics": [_record(d) for d in error.diagnostics]})
        return 2
    if as_json:
        diagnostics = [_record(warning) for warning in warnings(resolved, graph)]
        print_json({"valid": True, "diagnostics": diagnostics})
        return 0
    names = [spec.base.name for spec in resolved]
    shown = names[:MOST_NAMES]
    if len(names) > MOST_NAMES:
        shown.append("...")
    click.echo(f"{plural(len(names), 'experiment')} valid: {', '.join(shown)}")
    for line in _splits(resolved[:MOST_NAMES]):
        click.echo(line)
    return 0


def _splits(specs: Sequence[Resolved]) -> Iterable[str]:
    """What splits take of local files, each line once."""
    lines: dict[str, None] = {}
    for spec in specs:
        for arm in spec.arms:
            for line in in_words(allotment(arm).shares):
                lines[f"  {spec.base.name}: {line}"] = None
    return lines


def _root() -> Path:
    """The repository, or the working directory: a spec can be checked outside of any repository."""
    try:
        return find_root()
    except UserError:
        return Path.cwd()


def _record(diagnostic: Diagnostic) -> dict[str, object]:
    record: dict[str, object] = {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "notes": diagnostic.notes,
    }
    span = diagnostic.span
    if span:
        record |= {"file": span.file, "line": span.line, "column": span.column}
    return record
