"""Answers that count together: the question, image and group score of NaturalBench."""

from __future__ import annotations

import pytest

from dataenvgym_spec.results.evidence.together import together
from tests.support.reported import four, row


@pytest.mark.parametrize(
    ("right", "question", "image", "cluster"),
    [
        ("xxxx", 1.0, 1.0, 1.0),
        ("x.x.", 0.0, 0.5, 0.0),  # it says the same of both images
        ("xx..", 0.5, 0.0, 0.0),
        ("xxx.", 0.5, 0.5, 0.0),
        ("....", 0.0, 0.0, 0.0),
    ],
)
def test_scores(right: str, question: float, image: float, cluster: float) -> None:
    found = together(four("a", right) + four("b", right))
    assert {way: estimate.value for way, (_, estimate) in found.items()} == {
        "question": question,
        "image": image,
        "cluster": cluster,
    }
    assert {way: sets for way, (sets, _) in found.items()} == {
        "question": 4,
        "image": 4,
        "cluster": 2,
    }


def test_what_stands_alone_is_in_no_set() -> None:
    assert together([row("a", 0, 0, True), row("b", 0, 0, True)]) == {}
    without = together([row("a", number, 0, True, shown=False) for number in (0, 1)])
    assert {way: sets for way, (sets, _) in without.items()} == {"cluster": 1}
