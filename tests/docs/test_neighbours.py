"""The page on neighbours is fair: each row says what another tool does better, and when to take it."""

import re

import pytest

from tests.support.repositories import ROOT

PAGE = (ROOT / "docs" / "neighbours.md").read_text(encoding="utf-8")
HEAD = "| | does better | take it where | what is different here |"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| [")
]
PEERS = (
    "the paper's code",
    "Data-Juicer's Sandbox",
    "NeMo Data Designer",
    "Bespoke Curator",
    "distilabel",
    "DataDreamer",
    "Oumi",
    "Calkit",
    "ZnTrack",
)
"""Who is nearest: they close a loop, generate data with models, or compile to DVC."""


@pytest.mark.parametrize("peer", PEERS)
def test_the_nearest_are_there(peer: str) -> None:
    assert [row for row in ROWS if f"[{peer}](" in row[0]], peer


def test_every_row_says_all() -> None:
    assert len(ROWS) >= 14
    assert PAGE.count(HEAD) == len(re.findall(r"^\| --- ", PAGE, re.M)) == 3
    assert [row[0] for row in ROWS if len(row) != 4 or min(map(len, row)) < 15] == []


def test_it_says_what_is_given_up() -> None:
    given = PAGE.partition("What you give up here:")[2]
    assert len(re.findall(r"^- ", given, re.M)) >= 3
