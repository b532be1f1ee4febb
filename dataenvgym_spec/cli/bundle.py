"""`dataenvgym bundle`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from dataenvgym_spec.cli.common import (
    as_json,
    compile_specs,
    layout_here,
    plural,
    print_json,
    read_specs,
)
from dataenvgym_spec.compile.compiler import read_lock
from dataenvgym_spec.compile.rules import renewal
from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import UserError, seen, suggest
from dataenvgym_spec.core.secrets import Secrets, opening
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.emit.paths import settled
from dataenvgym_spec.questions.bundled import (
    Packed,
    Study,
    Writer,
    packed,
    responses,
    write_responses,
)
from dataenvgym_spec.questions.travel import lock_path, luggage
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.results import prices
from dataenvgym_spec.results.wording import some
from dataenvgym_spec.store.bundle.archive import pack
from dataenvgym_spec.store.bundle.manifest import PARTS, Manifest, Part
from dataenvgym_spec.store.dvc.state import Cache
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.place import journal_file

ENDING: Final = ".bundle.tar.gz"


@click.command("bundle")
@click.argument("name")
@click.option(
    "-o",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Where to write it (default: NAME{ENDING}).",
)
@click.option(
    "--with",
    "chosen",
    metavar="PARTS",
    default="",
    help=f"What travels besides, separated by commas: {', '.join(PARTS)}.",
)
@as_json
def command(name: str, file: Path | None, chosen: str, as_json: bool) -> None:
    """Write one file with which another team gets the same study: the spec with all files that it
    is made of, its lock, its keys and checksums. NAME is an experiment or a sweep.

    With `results` its results and reports travel, with `students` the weights too, which are
    large, and with `journal` the responses of teachers. What cannot travel is said. The same study
    gives the same bytes.

    \b
    Example:
      dataenvgym bundle quickstart --with results,journal
    """
    layout = layout_here()
    parts = _parts(chosen)
    layout.private.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bundle-", dir=layout.private) as folder:
        packer = _Packer(name=name, layout=layout, parts=parts, folder=Path(folder))
        manifest, contents = packer.packed()
        target = file or Path(f"{manifest.name}{ENDING}")
        head = msgspec.json.format(msgspec.json.encode(manifest.plain()), indent=1)
        _write(target, lambda: pack(target, head + b"\n", contents))
    size = target.stat().st_size
    if as_json:
        print_json({"file": str(target), "bytes": size, **_record(manifest)})
    else:
        click.echo(f"wrote '{target}' ({size_text(size)})")
        for line in summary(manifest):
            click.echo(seen(line))


def _parts(text: str) -> tuple[Part, ...]:
    """What is asked to travel.

    Raises:
        UserError: there is no such part.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in PARTS:
            raise UserError(f"a bundle has no part '{word}'", help=suggest(word, PARTS))
    if "students" in words and "results" not in words:
        raise UserError("students are results", help="say: --with results,students")
    return tuple(part for part in PARTS if part in words)


def _write(target: Path, action: Callable[[], None]) -> None:
    try:
        action()
    except OSError as error:
        message = f"'{target}' cannot be written: {(error.strerror or str(error)).lower()}"
        raise UserError(message, help="name another file: -o FILE") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packer:
    """Gathers what a bundle holds; `folder` is for what is written for it alone."""

    name: str
    layout: Layout
    parts: tuple[Part, ...]
    folder: Path

    def packed(self) -> tuple[Manifest, dict[str, Path]]:
        """The manifest, and the files of the other members by digest."""
        layout = self.layout
        specs = read_specs((self.name,), layout)
        graph = settled(compile_specs(specs).graph, layout)
        called = specs[0].base.name if len(specs) == 1 else specs[0].sweep or specs[0].base.name
        study = Study(name=called, spec=specs[0].path, graph=graph)
        found = luggage(specs, graph, layout.root, os.environ)
        if "results" not in self.parts:
            found.files.pop(prices.FILE, None)
        found.files |= self._locks(specs)
        cache = Cache(folder=cache_folder(layout.root))
        results = Packed()
        if "results" in self.parts:
            results = packed(study, layout, cache, students="students" in self.parts)
        secrets = Secrets(opening(os.environ))
        journal = self._journal(study, cache, secrets) if "journal" in self.parts else None
        writer = Writer(layout, secrets)
        manifest = writer.manifest(study, found, results, self.parts, journal)
        return manifest, writer.contents

    def _locks(self, specs: tuple[Resolved, ...]) -> dict[str, Path]:
        """The locks beside the specs, with what these name and nothing of other specs."""
        files: dict[str, Path] = {}
        for path in {lock_path(spec) for spec in specs}:
            old = read_lock((self.layout.root / path).parent, root=self.layout.root)
            if old is None:
                continue
            unlocked = read_specs((self.name,), self.layout, locks="ignore")
            wanted = renewal.wanted(unlocked)
            own = renewal.renewed(old, wanted, {}, update=False, keep=False)
            components = {
                name: own.components[name] for name in old.components if name in own.components
            }
            hashed = {name: own.files[name] for name in old.files if name in own.files}
            kept = replace(own, components=components, files=hashed, stages=old.stages)
            target = self.folder / f"{len(files)}.json"
            target.write_text(lockfile.render(kept), encoding="utf-8")
            files[path] = target
        return files

    def _journal(self, study: Study, cache: Cache, secrets: Secrets) -> tuple[Path, int]:
        target = self.folder / "responses.jsonl"
        with closing(Journal(journal_file(os.environ), say=click.echo)) as journal:
            rows = responses(study, self.layout, cache, journal)
            return target, write_responses(target, rows, secrets)


def summary(manifest: Manifest) -> list[str]:
    """What is in a bundle and what is not, in lines for people."""
    files = [file.path for file in manifest.files if file.path != manifest.spec]
    missing = manifest.missing()
    shown = [f"  spec      {manifest.spec} and {plural(len(files), 'other file')}"]
    results = "stay here (--with results)"
    if "results" in manifest.parts:
        size = size_text(sum(item.bytes for item in manifest.objects))
        made = len(manifest.stages) - len(missing)
        results = f"of {made} of {plural(len(manifest.stages), 'stage')}, {size}"
    shown.append(f"  results   {results}")
    if "results" in manifest.parts and missing:
        shown.append(f"            without {some(missing)}")
    students = "stay here (--with results,students)"
    if "students" in manifest.parts:
        students = "travel" if not manifest.withheld else "some are not in DVC's cache here"
    shown.append(f"  students  {students}")
    journal = "stays here (--with journal)"
    if manifest.journal is not None:
        journal = plural(manifest.journal.responses, "response")
    shown.append(f"  journal   {journal}")
    if manifest.absent:
        shown.append("does not travel:")
        shown += [f"  {row.what}: {row.remedy}" for row in manifest.absent]
    return shown


def _record(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "spec": manifest.spec,
        "parts": manifest.parts,
        "files": [file.path for file in manifest.files],
        "stages": len(manifest.stages),
        "results": len(manifest.stages) - len(manifest.missing()),
        "missing": manifest.missing(),
        "responses": None if manifest.journal is None else manifest.journal.responses,
        "absent": [row.plain() for row in manifest.absent],
    }
