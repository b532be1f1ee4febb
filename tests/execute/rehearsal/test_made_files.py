"""Files that are made up in a source's format are read by that source."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.rehearsal.made_files import WRITERS, write_made
from dataenvgym_spec.execute.rehearsal.made_up import Unmade, answered, spread
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.resolve.defaults import with_defaults

KINDS = sorted(kind for kind, item in definitions()["source"].items() if "files" in item.rehearsal)
NUMBERS = range(100, 112)


def read(kind: str, folder: Path) -> Any:
    """A source with all the files that can be made up for it."""
    item = definition("source", kind)
    options: dict[str, Any] = with_defaults("source", {"kind": kind})
    for option, said in item.rehearsal["files"].items():
        write_made(folder / option, said, NUMBERS, "ANSWER")
        options[option] = folder / option
    options |= item.rehearsal.get("set", {})
    module, _, name = item.implementation.partition(":")
    made = getattr(importlib.import_module(module), name)
    return made(
        **{key: value for key, value in options.items() if key != "kind" and value is not None}
    )


def test_every_source_with_a_format_of_its_own_can_be_made_up() -> None:
    own = {
        kind
        for kind, item in definitions()["source"].items()
        if item.files and not item.marked("x-column")
    }
    assert own == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_reads_what_is_made_up_for_it(kind: str, tmp_path: Path) -> None:
    source = read(kind, tmp_path)
    items: list[Item] = source.items
    a_row = 4 if kind == "naturalbench" else 1
    assert len({item.id for item in items}) == len(items) == a_row * len(NUMBERS)
    assert not source.skipped
    for item in items:
        assert answered(item.input) is not None and item.target
    shown = definition("source", kind).shows
    assert all(bool(item.images) == ("images" in shown) for item in items)
    assert all(bool(item.tools) == ("tools" in shown) for item in items)


def test_a_definition_says_one_known_thing_of_a_file() -> None:
    def words(said: dict[str, Any]) -> set[str]:
        ((word, template),) = said.items()
        inner = template.values() if word == "folder" else ()
        return {word}.union(*map(words, inner))

    for kind in KINDS:
        for said in definition("source", kind).rehearsal["files"].values():
            assert words(said) <= {*WRITERS}, kind


def test_a_missing_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(Unmade, match="pyarrow"):
        write_made(tmp_path / "table", {"parquet": {"a": "NUMBER"}}, NUMBERS, "ANSWER")


def test_a_template_takes_values_as_they_are_and_inside_of_texts() -> None:
    template = {"no. NUMBER": ["NUMBER", {"a": "x NUMBER"}, 3, None]}
    assert spread(template, {"NUMBER": 7}) == {"no. 7": [7, {"a": "x 7"}, 3, None]}
