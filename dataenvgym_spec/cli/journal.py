"""`dataenvgym journal`."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json
from dataenvgym_spec.core.errors import UserError, visible
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.gym.teachers.protocol import Reply
from dataenvgym_spec.records.responses import RESPONSES, Response
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.place import journal_file

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("journal")
def command() -> None:
    """The responses of teachers that this machine keeps: what is in it, and from and to files.

    Stages look there before they ask. A stage that is run again, after a kill or for another
    spec, asks for nothing that was answered before.

    \b
    Example:
      dataenvgym journal info
      dataenvgym journal export responses.jsonl
      dataenvgym journal import responses.jsonl
      dataenvgym journal rebuild
    """


@command.command("info")
@as_json
def info(as_json: bool) -> None:
    """Say where it is and what it holds, by model.

    \b
    Example:
      dataenvgym journal info
    """
    with _journal() as journal:
        models = _models(journal.responses())
        size = journal.path.stat().st_size
    if as_json:
        rows = [{"model": name, **one.record()} for name, one in models.items()]
        print_json({"path": str(journal.path), "bytes": size, "models": rows})
        return
    click.echo(f"{journal.path}: {size_text(size)}")
    for name, one in models.items():
        tokens = f"{one.tokens['prompt']:,} tokens in, {one.tokens['generated']:,} out"
        click.echo(f"  {visible(name):32} {plural(one.responses, 'response')}, {tokens}")
    if not models:
        click.echo("  no responses")


@command.command("export")
@click.argument("file", type=_FILE)
def export(file: Path) -> None:
    """Write all responses to FILE, one a line, so that a colleague replays them at no cost.

    The file holds what teachers wrote, and neither questions nor anything of an account.

    \b
    Example:
      dataenvgym journal export responses.jsonl
    """
    with _journal() as journal:
        count = _write(file, journal.responses())
    click.echo(f"wrote {plural(count, 'response')} to '{file}'")


@command.command("import")
@click.argument("files", type=_FILE, nargs=-1, required=True)
def import_(files: tuple[Path, ...]) -> None:
    """Take over the responses of FILES that 'export' wrote. What is there already stays.

    \b
    Example:
      dataenvgym journal import responses.jsonl
    """
    with _journal() as journal:
        _take_over(journal, files)


@command.command("rebuild")
def rebuild() -> None:
    """Take over the responses that the logs of this repository's stages hold.

    They are in `store/*/log/`, which `dvc pull` brings from a remote.

    \b
    Example:
      dataenvgym journal rebuild
    """
    files = sorted(layout_here().store.glob(f"*/log/{RESPONSES}"))
    if not files:
        message = "no log of a stage here holds a response"
        raise UserError(message, help="run: dvc pull, if stages were run elsewhere")
    with _journal() as journal:
        _take_over(journal, files)


def _journal() -> closing[Journal]:
    return closing(Journal(journal_file(os.environ), say=click.echo))


def _take_over(journal: Journal, files: Iterable[Path]) -> None:
    total = unreadable = 0
    for path in files:
        added, bad = journal.take_over(path, _holds_reply)
        total, unreadable = total + added, unreadable + bad
    lines = f"; {plural(unreadable, 'line')} could not be read" if unreadable else ""
    click.echo(f"{plural(total, 'response')} added, {journal.count()} in the journal{lines}")


def _holds_reply(response: Response) -> bool:
    """Whether a response is one that a stage can use: what is kept once is not asked for again."""
    try:
        Reply.parse({"ask": "", **response.reply})
    except (msgspec.ValidationError, RecursionError):
        return False
    return True


def _write(file: Path, responses: Iterator[Response]) -> int:
    """Writes responses into a file, which appears whole; returns how many."""
    count = 0
    handle, name = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as lines:
            for response in responses:
                lines.write(msgspec.json.encode(response) + b"\n")
                count += 1
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return count


@dataclass(slots=True)
class _Model:
    """What the journal holds of a model."""

    responses: int = 0
    tokens: Counter[str] = field(default_factory=Counter)

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {"responses": self.responses, "tokens": dict(sorted(self.tokens.items()))}


def _models(responses: Iterable[Response]) -> dict[str, _Model]:
    models: dict[str, _Model] = {}
    for response in responses:
        one = models.setdefault(str(response.reply.get("model")), _Model())
        one.responses += 1
        one.tokens.update(response.reply.get("tokens") or {})
    return dict(sorted(models.items()))
