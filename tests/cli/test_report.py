"""The results in a terminal: means over runs first, every run where it is asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from dataenvgym_spec.cli.report import _table, command
from dataenvgym_spec.cli.tabular import print_table
from dataenvgym_spec.report.text import interval, percent
from dataenvgym_spec.results.evidence.scores import outcomes, summaries
from dataenvgym_spec.results.experiment import load
from tests.support.reported import ARMS, Store

STUDENTS = ("base", "best", "last")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Store(tmp_path_factory.mktemp("told") / "repo", seeds=(0, 1, 2)).write().root


def said(root: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    monkeypatch.chdir(root)
    return CliRunner().invoke(command, ["tiny", *options], catch_exceptions=False).output


def lines_of(text: str) -> list[list[str]]:
    """The lines of the tables, in cells."""
    cells = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    return [row for row in cells if row[0] in ARMS]


@pytest.mark.parametrize("columns", [None, "40"])
def test_nothing_is_cut_in_a_pipe_or_a_narrow_terminal(
    columns: str | None,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    rows = [
        replace(row, arm=f"with-state-and-a-{number}-{'long-' * 12}name")
        for number, row in enumerate(outcomes(load("tiny", root))[:2])
    ]
    print_table(Console(), _table(rows))
    told = capsys.readouterr().out
    assert "…" not in told and "iteration" in told and "examples" in told
    # A name goes on in the next lines of its column.
    first = "".join(line.split()[0] for line in told.splitlines())
    for row in rows:
        assert row.arm in (first if columns else told)


def test_several_runs_are_means_and_each_only_where_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = load("tiny", root)
    means = summaries(results, outcomes(results))
    told = said(root, monkeypatch)
    rows = lines_of(told)
    assert [(row[0], row[1]) for row in rows] == [(a, one) for a in ARMS for one in STUDENTS]
    for row, one in zip(rows, means, strict=True):
        assert {percent(one.accuracy.value), interval(one.accuracy)} <= set(row)
    assert "seed" not in told.splitlines()[0]
    assert "Means over 3 runs; every run: dataenvgym report tiny --runs" in told
    assert any(one.iteration is None for one in means) == ("varies" in told)
    every = said(root, monkeypatch, "--runs")
    assert lines_of(every)[:6] == rows
    runs = lines_of(every)[6:]
    assert [row[1:3] for row in runs[:3]] == [["0", student] for student in STUDENTS]
    assert len(runs) == 3 * len(rows) and "every run: " not in every
    assert every.index("Every run, with intervals over items:") < every.index(" points (95%")


def test_one_run_is_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Store(tmp_path / "repo", seeds=(4,)).write().root
    told = said(root, monkeypatch)
    assert told == said(root, monkeypatch, "--runs")
    assert [row[1] for row in lines_of(told)] == ["4"] * 6 and "Means over" not in told


@pytest.mark.parametrize("other", [("yield",), ("--export", "paper")])
def test_every_run_is_no_part_and_no_file(
    other: tuple[str, ...], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    refused = CliRunner().invoke(command, ["tiny", *other, "--runs"])
    assert refused.exit_code and "--runs is of the results in a terminal" in str(refused.exception)
