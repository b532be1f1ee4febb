"""Scorers of short answers about images."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.answers import normalised
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden
from tests.support.scoring import made_scorer


def score(
    kind: str, text: str, *golds: str, verifier: dict[str, Any] | None = None, **options: Any
) -> Score:
    more = {"targets": golds} if len(golds) > 1 else {}
    item = Item(
        id="1", input="?", target=golds[0], group="g", cluster="c", verifier=verifier or {}, **more
    )
    (given,) = made_scorer(kind, **options).score([(item, Answer(text=text))])
    return given


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Red", " red. "), ("the dog", "Dog"), ("two", "2"), ("none", "0"), ("don't", "dont"),
        ("t-shirt", "t shirt"), ("1,000", "1000"), ("yes!", "Yes"), ("3.50", "3.50."), ("A", "a"),
    ],
)  # fmt: skip
def test_what_does_not_count(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""
    assert score("vqa-match", other, one).correct


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("red", "red and blue"),
        ("3.5", "35"),
        ("cat", "cats"),
        ("yes", "yes it is"),
        ("no", "not"),
        ("11", "1 1"),
    ],
)
def test_what_counts(gold: str, text: str) -> None:
    assert normalised(gold) != normalised(text)
    assert not score("vqa-match", text, gold).correct


def test_any_accepted_answer_is_right_and_nothing_is_unreadable() -> None:
    assert score("vqa-match", "sofa", "couch", "sofa").correct
    assert score("vqa-match", " .", "couch") == Score(value=0.0, parsed=False)


@pytest.mark.parametrize("matches", range(11))
def test_the_accuracy_of_vqa_is_the_mean_over_all_sets_of_nine(matches: int) -> None:
    golds = ["cat"] * matches + ["dog"] * (10 - matches)
    sets = [sum(gold == "cat" for gold in nine) for nine in combinations(golds, 9)]
    expected = sum(min(1, count / 3) for count in sets) / len(sets)
    given = score("vqa-accuracy", "A cat", *golds)
    assert given.parsed and given.value == pytest.approx(expected)
    assert given.correct == (matches > 3)


def test_the_accuracy_of_few_answers() -> None:
    assert score("vqa-accuracy", "cat", "cat").correct
    assert score("vqa-accuracy", "cat", "cat", "dog").value == 0.5
    assert score("vqa-accuracy", "cat", "cat", "cat", "dog", enough=1).correct
    assert not score("vqa-accuracy", "", "cat").parsed


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("Yes.", "yes"),
        ("no, yes", "no"),
        ("NO", "no"),
        ("I know it is so, yes", "yes"),
        ("maybe", None),
        ("", None),
    ],
)
def test_the_first_choice_that_is_named_counts(text: str, chosen: str | None) -> None:
    for gold in ("Yes", "No"):
        given = score("multiple-choice", text, gold)
        assert given.parsed == (chosen is not None)
        assert given.correct == (gold.lower() == chosen)


def test_an_item_says_its_own_choices() -> None:
    verifier = {"answer": "B", "choices": ["a", "b"]}
    assert score("multiple-choice", "The answer is (B), not A", "B", verifier=verifier).correct
    assert not score("multiple-choice", "yes", "B", verifier=verifier).parsed
    assert score("multiple-choice", "left", "left", among=["left", "right"]).correct


def test_the_scores_of_each_number() -> None:
    texts = ("Red", "two", "2", "yes, no", "a cat", "", "none")
    golds = ("red", "red", "2", "no", "cat", "yes", "0")

    def scores(kind: str) -> list[list[Any]]:
        given = [score(kind, text, *golds) for text in texts]
        return [[one.value, one.parsed] for one in given]

    assert_golden("scorer", "vqa-match", {1: "df86bc191158908c"}, scores("vqa-match"))
    assert_golden("scorer", "vqa-accuracy", {1: "49d016d724597357"}, scores("vqa-accuracy"))
    assert_golden("scorer", "multiple-choice", {1: "64ecb8277d0d0ffa"}, scores("multiple-choice"))
