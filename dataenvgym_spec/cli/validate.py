"""`dataenvgym validate`."""

from __future__ import annotations

from pathlib import Path

import click

from dataenvgym_spec.cli.common import (
    as_json,
    compile_specs,
    plural,
    print_json,
    read_specs,
    setting,
)
from dataenvgym_spec.compile.compiler import warnings
from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.store.layout import Layout, find_root


@click.command("validate")
@click.argument("specs", nargs=-1)
@setting
@as_json
def command(specs: tuple[str, ...], sets: tuple[str, ...], as_json: bool) -> int:
    """Check specs (default: every specs/*.yaml) and report everything that is wrong, with places and remedies.

    \b
    Example:
      dataenvgym validate specs/quickstart.yaml
    """
    try:
        root = find_root()
    except UserError:  # a spec can be checked outside of any repository
        root = Path.cwd()
    try:
        resolved = read_specs(specs, Layout(root=root), sets)
        graph = compile_specs(resolved).graph
    except SpecError as error:
        if not as_json:
            raise
        print_json({"valid": False, "diagnostics": [_record(d) for d in error.diagnostics]})
        return 2
    if as_json:
        print_json({"valid": True, "diagnostics": [_record(d) for d in warnings(resolved, graph)]})
    else:
        names = [spec.base.name for spec in resolved]
        click.echo(
            f"{plural(len(names), 'experiment')} valid: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        )
    return 0


def _record(found: Diagnostic) -> dict[str, object]:
    place = (
        {"file": found.span.file, "line": found.span.line, "column": found.span.column}
        if found.span
        else {}
    )
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "help": found.help,
        "notes": found.notes,
        **place,
    }
