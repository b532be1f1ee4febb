"""An editor on a folder of specs: the real YAML language server, with the schema that the specs' first line names.

Where the server is not installed, what asks it is skipped; but not where `DATAENVGYM_TEST_EDITOR=1` says that it must be there.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import SpecError
from tests.support.commands import ROOT
from tests.support.language_server import LanguageServer, Place, serve
from tests.support.specs import TEMPLATE, TINY

SERVER = (
    Path(sys.prefix)
    / "editor"
    / "node_modules"
    / "yaml-language-server"
    / "bin"
    / "yaml-language-server"
)
MODELINE = "# yaml-language-server: $schema=../schemas/experiment.schema.json\n"


class Editor:
    """An editor on a folder with a schema and specs: opens texts, one file each."""

    def __init__(self, folder: Path, server: LanguageServer) -> None:
        self.folder, self.server = folder, server

    def open(self, text: str) -> Path:
        path = self.folder / "specs" / f"spec{len(list((self.folder / 'specs').iterdir()))}.yaml"
        path.write_text(MODELINE + text, encoding="utf-8")
        self.server.open(path)
        return path

    def at(self, marked: str) -> tuple[Path, Place]:
        before, _, after = (MODELINE + marked).partition("¦")
        lines = before.split("\n")
        return self.open((before + after).removeprefix(MODELINE)), Place(
            line=len(lines) - 1, character=len(lines[-1])
        )

    def validated(self, path: Path) -> set[int]:
        """The lines that `dataenvgym validate` points at."""
        try:
            lower(front_end([path], root=self.folder))
        except SpecError as error:
            return {found.span.line for found in error.diagnostics if found.span is not None}
        return set()

    def underlined(self, path: Path) -> set[int]:
        """The lines with a squiggle."""
        return {found.line for found in self.server.squiggles(path)}


@contextmanager
def editor_in(folder: Path, schema: str) -> Iterator[Editor]:
    """An editor on a new folder with the files that specs name."""
    (folder / "specs" / "prompts").mkdir(parents=True)
    (folder / "specs" / "base").mkdir()
    (folder / "specs" / "base" / "config.json").write_text("{}", encoding="utf-8")
    prompts = folder / "specs" / "prompts"
    (prompts / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    shutil.copy(ROOT / "specs" / "prompts" / "quickstart.j2", prompts)
    rows = "".join(f'{{"q": {number}, "a": "1"}}\n' for number in range(90))
    (folder / "specs" / "items.jsonl").write_text(rows, encoding="utf-8")
    (folder / "specs" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (folder / "schemas").mkdir()
    (folder / "schemas" / "experiment.schema.json").write_text(schema, encoding="utf-8")
    with serve(server_command(), folder) as server:
        yield Editor(folder, server)


def server_command() -> list[str]:
    """How the server is started; skips the test where it is not installed, and fails it where it must be."""
    node = shutil.which("node")
    if node is not None and SERVER.is_file():
        return [node, str(SERVER), "--stdio"]
    missing = (
        "the YAML language server is not installed; `make test` installs it where there is npm"
    )
    if os.environ.get("DATAENVGYM_TEST_EDITOR") == "1":
        pytest.fail(missing)
    pytest.skip(missing)
