"""`dataenvgym journal`: what it holds, and from and to files."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dataenvgym_spec.store.journal import Journal
from tests.support.desks import Counting, desk, journaled, questions
from tests.support.repositories import call, expect_refusal

Call = Callable[..., CompletedProcess[str]]


@pytest.fixture
def journal(tmp_path: Path) -> Call:
    """Calls the command with a journal of this test's own."""

    def command(
        *arguments: str, cwd: Path = tmp_path, machine: str = "here"
    ) -> CompletedProcess[str]:
        folder = str(tmp_path / machine)
        return call(
            "dataenvgym", "journal", *arguments, cwd=cwd, ok=False, DATAENVGYM_JOURNAL=folder
        )

    return command


def answered(folder: Path, count: int) -> Path:
    """A stage that has asked a teacher; gives its log."""
    at = desk(folder)
    list(journaled(at, Counting(counts=str(folder / "counts"))).answer(questions(count)))
    at.close()
    return folder / "log" / "responses.jsonl"


def test_what_is_exported_is_imported_elsewhere(journal: Call, tmp_path: Path) -> None:
    log = answered(tmp_path / "stage", 3)
    assert "no responses" in journal("info").stdout
    said = journal("import", str(log)).stdout
    assert said == "3 responses added, 3 in the journal\n"
    assert journal("export", "all.jsonl").stdout == "wrote 3 responses to 'all.jsonl'\n"
    with (tmp_path / "all.jsonl").open("a") as file:
        file.write("{torn\n")
    said = journal("import", "all.jsonl", machine="there").stdout
    assert said == "3 responses added, 3 in the journal; 1 line could not be read\n"
    assert "0 responses added, 3 in" in journal("import", str(log), machine="there").stdout
    content = json.loads(journal("info", "--json", machine="there").stdout)
    assert content["path"] == str(tmp_path / "there" / "journal.sqlite")
    tokens = {"generated": 3, "prompt": 6}
    assert content["models"] == [{"model": "m-1", "responses": 3, "tokens": tokens}]
    assert "m-1" in journal("info").stdout and "6 tokens in, 3 out" in journal("info").stdout


def test_it_is_rebuilt_from_the_logs_of_stages(journal: Call, repo: Path, tmp_path: Path) -> None:
    expect_refusal(
        journal("rebuild", cwd=repo), "no log of a stage here holds a response", "dvc pull"
    )
    stage = repo / "store" / "generate-0123456789abcdef"
    stage.mkdir(parents=True)
    answered(stage, 2)
    assert journal("rebuild", cwd=repo).stdout == "2 responses added, 2 in the journal\n"
    assert Journal(tmp_path / "here" / "journal.sqlite").count() == 2


ODD = {
    "no reply": {},
    "tokens that cannot be counted": {"tokens": 3},
    "tokens without numbers": {"tokens": {"prompt": "many"}},
    "no text": {"text": ["a"]},
    "an end that nobody knows": {"finish": "crash"},
}


@pytest.mark.parametrize("what", [*ODD, "brackets without end"])
def test_an_imported_line_that_no_stage_could_use_is_left_out(
    what: str, journal: Call, tmp_path: Path
) -> None:
    """What is kept once is not asked for again, so that it would stop its stage for ever."""
    (line,) = answered(tmp_path / "stage", 1).read_text(encoding="utf-8").splitlines()
    row = json.loads(line)
    if what in ODD:
        row["reply"] = row["reply"] | ODD[what] if ODD[what] else {}
        text = json.dumps(row)
    else:
        text = line.replace('"text"', f'"more": {"[" * 9999}{"]" * 9999}, "text"', 1)
    (tmp_path / "odd.jsonl").write_text(text + "\n", encoding="utf-8")
    said = journal("import", "odd.jsonl").stdout
    assert said == "0 responses added, 0 in the journal; 1 line could not be read\n"
    assert "no responses" in journal("info").stdout


def test_a_file_that_is_not_there(journal: Call) -> None:
    expect_refusal(journal("import", "none.jsonl"), "'none.jsonl' cannot be read", "export", code=1)
