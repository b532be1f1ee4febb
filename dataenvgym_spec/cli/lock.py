"""`dataenvgym lock`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json, read_specs, setting
from dataenvgym_spec.compile.compiler import read_lock
from dataenvgym_spec.compile.rules import pins, renewal
from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve import hub, lockfile
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.lockfile import Lock, Reference
from dataenvgym_spec.store import atomic


@click.command("lock")
@click.argument("specs", nargs=-1)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing and ask nobody; fail if the lock lacks something or differs from what is here.",
)
@click.option(
    "--update",
    is_flag=True,
    help="Pin everything anew: branches where they are now, files and components as they are here.",
)
@setting
@as_json
def command(
    specs: tuple[str, ...], check: bool, update: bool, sets: tuple[str, ...], as_json: bool
) -> int:
    """Pin what specs (default: every specs/*.yaml) leave open, in dataenvgym.lock.json beside them; commit it.

    It holds the commit of every branch or tag of the hub, the content of data files and the versions of components. `compile`
    takes the pinned commits and says what differs.

    \b
    Example:
      dataenvgym lock
      dataenvgym lock --update quickstart
    """
    layout = layout_here()
    groups: dict[Path, list[Resolved]] = {}
    for spec in read_specs(specs, layout, sets, locks="ignore"):
        groups.setdefault((layout.root / spec.path).parent, []).append(spec)
    found = [
        _renew(folder, group, layout.root, update=update, partly=bool(specs), check=check)
        for folder, group in groups.items()
    ]
    if as_json:
        print_json(
            {
                "locks": [
                    {"file": row.file, "changed": row.changed, "hub": _pins(row.lock)}
                    for row in found
                ]
            }
        )
    else:
        for row in found:
            for pin in _pins(row.lock):
                click.echo("{type} {id} {revision} -> {commit}".format(**pin))
            click.echo(f"{row.file}: {_counts(row.lock)}: {row.verdict(check=check)}")
    return 2 if check and any(row.changed for row in found) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewed:
    """The lock of one folder, and whether it is another than before."""

    file: str
    lock: Lock
    changed: bool

    def verdict(self, *, check: bool) -> str:
        if not self.changed:
            return "up to date"
        return "is not what the specs name; run: dataenvgym lock" if check else "written; commit it"


def _renew(
    folder: Path, specs: list[Resolved], root: Path, *, update: bool, partly: bool, check: bool
) -> _Renewed:
    """Writes the lock of one folder, or only says whether it would change."""
    path = folder / lockfile.FILE
    # What is written anew as a whole need not be readable before.
    old = Lock() if update and not partly else read_lock(folder, root=root) or Lock()
    wrong = [
        found
        for spec in specs
        for found in pins.check(spec, old)
        if (found.code == "E209" and check) or (found.code == "E210" and not update)
    ]
    if wrong:
        raise SpecError(wrong)
    wanted = renewal.wanted(specs)
    answers = _ask(
        {
            reference: node
            for reference, node in wanted.hub.items()
            if update or reference not in old.hub
        }
    )
    new = renewal.renewed(old, wanted, answers, update=update, keep=partly)
    text = lockfile.render(new)
    changed = (
        (not path.is_file() or path.read_text(encoding="utf-8") != text)
        if check
        else atomic.write(path, text)
    )
    return _Renewed(
        file=path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path),
        lock=new,
        changed=changed,
    )


def _ask(references: dict[Reference, Node]) -> dict[Reference, str]:
    """The commits of revisions; all that have none are told at once."""
    answers: dict[Reference, str] = {}
    wrong: list[Diagnostic] = []
    for reference, node in references.items():
        try:
            answers[reference] = hub.commit(reference)
        except UserError as error:
            wrong.append(
                node.fault(
                    "E209", f"'{reference.revision}' cannot be pinned: {error.message}", error.help
                )
            )
    if wrong:
        raise SpecError(wrong)
    return answers


def _pins(lock: Lock) -> list[dict[str, str]]:
    return [
        {"type": item.type, "id": item.id, "revision": item.revision, "commit": commit}
        for item, commit in sorted(lock.hub.items())
    ]


def _counts(lock: Lock) -> str:
    return ", ".join(
        [
            plural(len(lock.hub), "hub revision"),
            plural(len(lock.files), "data file"),
            plural(len(lock.components), "component"),
        ]
    )
