"""`dataenvgym doctor`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import as_json, print_json
from dataenvgym_spec.setup.doctor import examine, repair


@click.command("doctor")
@click.option(
    "--fix",
    is_flag=True,
    help="Set up what is missing in this folder: git, DVC, .gitignore, the merge driver for locks.",
)
@as_json
def command(fix: bool, as_json: bool) -> int:
    """Check this machine and repository, and say what to do about what is missing.

    \b
    Example:
      dataenvgym doctor --fix
    """
    done = repair() if fix else []
    found = examine()
    if as_json:
        print_json(
            {
                "fixed": done,
                "checks": [
                    {
                        "name": f.name,
                        "ok": f.ok,
                        "needed": f.needed,
                        "detail": f.detail,
                        "help": f.help,
                    }
                    for f in found
                ],
            }
        )
    else:
        for text in done:
            click.echo(f"fixed: {text}")
        for item in found:
            mark = "ok" if item.ok else "MISSING" if item.needed else "-"
            click.echo(
                f"{mark:8} {item.name:22} {item.detail}"
                + (f"   -> {item.help}" if item.help and not item.ok else "")
            )
    return 2 if any(item.needed and not item.ok for item in found) else 0
