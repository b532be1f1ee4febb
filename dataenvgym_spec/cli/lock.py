"""`dataenvgym lock`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json, read_specs, setting
from dataenvgym_spec.compile.compiler import read_lock
from dataenvgym_spec.compile.rules import pins, renewal
from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.faults import called, unpinned
from dataenvgym_spec.resolve.lockfile import Lock, Reference
from dataenvgym_spec.setup import hub
from dataenvgym_spec.store import atomic


@click.command("lock")
@click.argument("specs", nargs=-1)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing and ask nobody; fail if the lock lacks something or differs from "
    "what is here.",
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
    """Pin what specs (default: every specs/*.yaml) leave open, in dataenvgym.lock.json beside
    them; commit it.

    It holds the commit of every branch or tag of the hub, the content of data files and the
    versions of components. `compile` takes the pinned commits and says what differs.

    \b
    Example:
      dataenvgym lock
      dataenvgym lock --update quickstart
    """
    layout = layout_here()
    groups: dict[Path, list[Resolved]] = {}
    for spec in read_specs(specs, layout, sets, locks="ignore"):
        folder = (layout.root / spec.path).parent
        groups.setdefault(folder, []).append(spec)
    task = _Task(root=layout.root, update=update, partly=bool(specs), check=check)
    locks = [_renew(folder, group, task) for folder, group in groups.items()]
    if as_json:
        print_json({"locks": [_record(row) for row in locks]})
    else:
        for row in locks:
            _print(row, check=check)
    return 2 if check and any(row.changed for row in locks) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is asked for.

    Attributes:
        root: the repository.
        update: whether what is pinned already is pinned anew.
        partly: whether pins of specs that were not named are kept.
        check: whether nothing is written.
    """

    root: Path
    update: bool
    partly: bool
    check: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewed:
    """The lock of one folder, and whether it differs from the one before."""

    file: str
    lock: Lock
    changed: bool

    def verdict(self, *, check: bool) -> str:
        if not self.changed:
            return "up to date"
        return "is not what the specs name; run: dataenvgym lock" if check else "written; commit it"


def _renew(folder: Path, specs: list[Resolved], task: _Task) -> _Renewed:
    """Writes the lock of one folder, or only says whether it would change.

    Raises:
        SpecError: a pin is missing or differs from what is here, and may not be renewed.
    """
    path = folder / lockfile.FILE
    old = _old(folder, task)
    _complain(specs, old, task)
    wanted = renewal.wanted(specs)
    open_ones = dict(wanted.hub)
    if not task.update:
        open_ones = {key: node for key, node in open_ones.items() if key not in old.hub}
    # A pin stands until `--update`: only what is new is asked for.
    commits = _ask(open_ones)
    new = renewal.renewed(old, wanted, commits, update=task.update, keep=task.partly)
    text = lockfile.render(new)
    changed = _differs(path, text) if task.check else atomic.write(path, text)
    inside = path.is_relative_to(task.root)
    file = path.relative_to(task.root).as_posix() if inside else str(path)
    return _Renewed(file=file, lock=new, changed=changed)


def _old(folder: Path, task: _Task) -> Lock:
    """The lock as it is. One that is written anew as a whole need not be readable."""
    if task.update and not task.partly:
        return Lock()
    return read_lock(folder, root=task.root) or Lock()


def _complain(specs: list[Resolved], old: Lock, task: _Task) -> None:
    """Refuses what differs from its pin, unless it is renewed, and in a check missing pins."""
    found: list[Diagnostic] = []
    for spec in specs:
        if task.check:
            name = called(spec.path, spec.sweep or spec.base.name)
            for arm in spec.arms:
                found += unpinned(arm.node, arm.revisions, old, name)
        if not task.update:
            found += pins.check(spec, old)
    if found:
        raise SpecError(found)


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


def _ask(references: dict[Reference, Node]) -> dict[Reference, str]:
    """The commits of revisions; all that have none are reported at once."""
    commits: dict[Reference, str] = {}
    faults: list[Diagnostic] = []
    for reference, node in references.items():
        try:
            commits[reference] = hub.commit(reference)
        except UserError as error:
            message = f"'{reference.revision}' cannot be pinned: {error.message}"
            faults.append(node.fault("E209", message, error.help))
    if faults:
        raise SpecError(faults)
    return commits


def _print(row: _Renewed, *, check: bool) -> None:
    for pin in _pins(row.lock):
        click.echo("{type} {id} {revision} -> {commit}".format(**pin))
    verdict = row.verdict(check=check)
    click.echo(f"{row.file}: {_counts(row.lock)}: {verdict}")


def _record(row: _Renewed) -> dict[str, Any]:
    return {"file": row.file, "changed": row.changed, "hub": _pins(row.lock)}


def _pins(lock: Lock) -> list[dict[str, str]]:
    rows = []
    for item, commit in sorted(lock.hub.items()):
        row = {"type": item.type, "id": item.id, "revision": item.revision, "commit": commit}
        rows.append(row)
    return rows


def _counts(lock: Lock) -> str:
    hub = plural(len(lock.hub), "hub revision")
    files = plural(len(lock.files), "data file")
    components = plural(len(lock.components), "component")
    return f"{hub}, {files}, {components}"
