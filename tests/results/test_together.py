"""Answers that count together: the question, image and group score of NaturalBench."""

from __future__ import annotations

import pytest

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.results.evidence.together import together


def row(cluster: str, question: int, image: int, correct: bool, *, shown: bool = True) -> Result:
    picture = Picture(digest=f"{cluster}{image}", media="image/png", width=8, height=8)
    return Result(
        id=f"{cluster}-{question}-{image}", group="yes_no", input=f"{cluster}: is it {question}?", target="yes", prediction="yes",
        score=float(correct), correct=correct, unparseable=False, truncated=False, cluster=cluster, images=(picture,) if shown else (),
    )  # fmt: skip


def four(cluster: str, right: str) -> list[Result]:
    """The answers to two questions about two images: question 0 about both, then question 1."""
    places = [(question, image) for question in (0, 1) for image in (0, 1)]
    return [row(cluster, *place, mark == "x") for place, mark in zip(places, right, strict=True)]


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
