"""What models and strangers wrote, in what commands print: a terminal shows its characters and obeys none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from dataenvgym_spec.cli.commands import cli
from dataenvgym_spec.cli.tabular import print_table
from dataenvgym_spec.cli.teaching import PARTS
from dataenvgym_spec.records.files import read_json, write_json
from dataenvgym_spec.report.tables import Line, TextTable
from tests.support.complete import Complete

OBEYED = "\x1b[2J\x9b2J\u202e"
"""What clears a screen, in two ways, and what turns a text around."""
READING: dict[str, tuple[str, ...]] = {
    "report": ("report", "tiny"),
    "runs": ("report", "tiny", "--runs"),
    **{part: ("report", "tiny", part) for part in PARTS},
    "compare": ("compare", "tiny"),
    "trace": ("trace", "0"),
    "status": ("status", "tiny", "--all"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with such characters in all that is not a name."""
    root = tmp_path_factory.mktemp("hostile")
    Complete(root)
    path = root / "experiments" / "tiny.json"
    index = read_json(path)
    index["stamps"] = [f"{one} {OBEYED}" for one in index["stamps"]]
    for settings in index["settings"].values():
        settings["environment"] = f"a {OBEYED}"
    write_json(path, index)
    for path in root.glob("store/evaluate-*/out/*/results.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        texts = [json.dumps({**row, "prediction": f"é {OBEYED}"}) for row in rows]
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return root


def said(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.chdir(root)
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    return str(done.output)


def odd(text: str) -> set[str]:
    return {letter for letter in text if not letter.isprintable()} - {"\n"}


@pytest.mark.parametrize("name", READING)
def test_people_get_characters_that_can_be_seen(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert odd(said(root, monkeypatch, *READING[name])) == set()


def test_what_a_report_says_is_escaped_and_not_left_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = " ".join(said(root, monkeypatch, "report", "tiny").split())
    assert r"\x1b[2J\x9b2J\u202e" in told and "mind that 'selection' has" in told


@pytest.mark.parametrize("arguments", [("report", "tiny", "examples"), ("compare", "tiny"), ("trace", "0")])  # fmt: skip
def test_programs_get_json_of_the_same_meaning_in_such_characters(
    arguments: tuple[str, ...], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = said(root, monkeypatch, *arguments, "--json")
    assert odd(told) == set()
    json.loads(told)


def test_readable_letters_stay_in_json_and_the_others_mean_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = said(root, monkeypatch, "trace", "0", "--json")
    assert "é " in told and r"\u009b2J\u202e" in told
    found = list(texts_of(json.loads(told)))
    assert f"é {OBEYED}" in found


def texts_of(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_of(item)


def test_what_export_prints_can_be_seen_and_is_the_same_examples(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = said(root, monkeypatch, "export", "tiny", "--arm", "with-state")
    assert odd(told) == set() and r"\u202e" in told
    rows = [json.loads(line) for line in told.splitlines()]
    assert any("\u202e" in row["input"] for row in rows)


def test_a_heading_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    head = ("[link=http://evil.example]a[/link]", f"#b{OBEYED}")
    table = TextTable(title="", head=head, lines=(Line(cells=(f"c{OBEYED}", "1")),))
    print_table(Console(), table)
    told = capsys.readouterr().out
    assert head[0] in told and odd(told) == set()
