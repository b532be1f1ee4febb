"""`dataenvgym doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from dataenvgym_spec.cli.common import as_json, print_json
from dataenvgym_spec.core.errors import seen
from dataenvgym_spec.setup.doctor import examine
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.repair import repair


@click.command("doctor")
@click.option(
    "--fix",
    is_flag=True,
    help="Set up what is missing in this folder: git, DVC, .gitignore, git's merge drivers.",
)
@as_json
def command(fix: bool, as_json: bool) -> int:
    """Check this machine and repository, and say what to do about what is missing.

    \b
    Example:
      dataenvgym doctor --fix
    """
    done = repair() if fix else []
    findings = examine()
    if as_json:
        print_json({"fixed": done, "checks": [asdict(finding) for finding in findings]})
    else:
        for text in done:
            click.echo(seen(f"fixed: {text}"))
        for finding in findings:
            click.echo(seen(_line(finding)))
    return 2 if any(finding.needed and not finding.ok for finding in findings) else 0


def _line(finding: Finding) -> str:
    mark = "MISSING" if finding.needed else "-"
    if finding.ok:
        mark = "ok"
    line = f"{mark:8} {finding.name:22} {finding.detail}"
    if finding.help and not finding.ok:
        line += f"   -> {finding.help}"
    return line
