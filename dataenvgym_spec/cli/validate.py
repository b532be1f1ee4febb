"""`dataenvgym validate`."""

from __future__ import annotations

from pathlib import Path

import click

from dataenvgym_spec.cli.common import as_json, find_spec, plural, print_json
from dataenvgym_spec.compiler import front_end, lower
from dataenvgym_spec.errors import SpecError, UserError
from dataenvgym_spec.store.layout import Layout, find_root


@click.command("validate")
@click.argument("specs", nargs=-1)
@as_json
def command(specs: tuple[str, ...], as_json: bool) -> int:
    """Check specs (default: every specs/*.yaml) and report everything that is wrong, with places and remedies.

    \b
    Example:
      dataenvgym validate specs/quickstart.yaml
    """
    try:
        root = find_root()
    except UserError:  # a spec can be checked outside of any repository
        root = Path.cwd()
    layout = Layout(root=root)
    paths = [find_spec(name, layout) for name in specs] or layout.specs()
    if not paths:
        raise UserError("there are no specs: specs/*.yaml is empty", help="name a file, or write one; see the README")
    try:
        resolved = front_end(paths, root=root)
        lower(resolved)
    except SpecError as error:
        if not as_json:
            raise
        print_json({"valid": False, "diagnostics": [_record(d) for d in error.diagnostics]})
        return 2
    if as_json:
        print_json({"valid": True, "diagnostics": []})
    else:
        click.echo(f"{plural(len(resolved), 'spec')} valid: {', '.join(spec.base.name for spec in resolved)}")
    return 0


def _record(found: object) -> dict[str, object]:
    from dataenvgym_spec.errors import Diagnostic

    assert isinstance(found, Diagnostic)
    place = {"file": found.span.file, "line": found.span.line, "column": found.span.column} if found.span else {}
    return {"code": found.code, "severity": found.severity, "message": found.message, "help": found.help, **place}
