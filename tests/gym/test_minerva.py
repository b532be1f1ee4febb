"""Minerva's scorer beside the reference implementation: alike, but where the page says so."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import reference_math
from tests.support.repositories import ROOT
from tests.support.scoring import right

VECTORS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "vectors" / "minerva.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
PAGE = (ROOT / "docs" / "scoring-math.md").read_text(encoding="utf-8")


def test_enough_answers_are_held_against_it() -> None:
    assert len({(row["target"], row["answer"]) for row in VECTORS}) == len(VECTORS)
    alike = [row for row in VECTORS if "differs" not in row]
    assert len(alike) >= 200
    assert Counter(row["here"] for row in alike)[True] > 60, "an empty answer is wrong in both"


def test_it_scores_as_the_reference_does_where_that_is_right() -> None:
    made = [(row, right("minerva", row["target"], row["answer"])) for row in VECTORS]
    assert [row for row, good in made if good is not row["here"]] == []
    unlike = [row for row in VECTORS if (row["there"] is not row["here"]) != ("differs" in row)]
    assert unlike == []


@pytest.mark.slow
def test_the_vectors_say_what_the_reference_does() -> None:
    """By a model of it that is written from its description."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [(row, reference_math.right(row["target"], row["answer"])) for row in VECTORS]
    assert [row for row, good in made if good is not row["there"]] == []


def test_every_difference_is_on_the_page_and_every_one_there_is_shown() -> None:
    section = PAGE.partition("## Beside the reference implementation")[2]
    named = set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE))
    assert named == {row["differs"] for row in VECTORS if "differs" in row}


@pytest.mark.parametrize(
    ("text", "truncated", "readable"),
    [
        ("Final Answer: The final answer is $7$. I hope it is correct.", False, True),
        ("Final Answer: The final answer is 7", True, False),
        ("So it is 7.", False, False),
    ],
)
def test_what_has_no_final_answer_is_unreadable(text: str, truncated: bool, readable: bool) -> None:
    from tests.support.scoring import judged

    (score,) = judged("minerva", [("7", text)], truncated=truncated)
    assert score.parsed is readable
