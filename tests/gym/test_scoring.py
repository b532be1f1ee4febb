"""A batch of answers: one odd answer costs one answer."""

from collections.abc import Sequence

import pytest

from dataenvgym_spec.core.errors import MissingExtra, StageError
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.tasks.scoring import scored
from dataenvgym_spec.records.items import Item


def pairs(*texts: str) -> list[tuple[Item, Answer]]:
    item = Item(id="1", input="q", target="7", group="g", cluster="1")
    return [(item, Answer(text=text)) for text in texts]


class Fragile:
    """Reads whole numbers and raises on anything else."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        self.batches.append(len(answers))
        return [
            Score(value=float(int(answer.text) == int(item.target)), parsed=True)
            for item, answer in answers
        ]


def test_a_batch_is_scored_at_once_and_in_order() -> None:
    scorer = Fragile()
    scores = scored(scorer, pairs("7", "8", "7"))
    assert [score.correct for score in scores] == [True, False, True]
    assert scorer.batches == [3]
    assert scored(scorer, []) == []
    assert scorer.batches == [3]


def test_an_answer_that_raises_is_unreadable_and_costs_no_other() -> None:
    scorer, said = Fragile(), []
    scores = scored(scorer, pairs("7", "seven", "7", ""), say=said.append)
    assert [(score.value, score.parsed) for score in scores] == [
        (1.0, True), (0.0, False), (1.0, True), (0.0, False),
    ]  # fmt: skip
    assert scorer.batches == [4, 1, 1, 1, 1]
    assert said == [
        "  2 of 4 answers cannot be scored: "
        "ValueError: invalid literal for int() with base 10: 'seven'"
    ]


def test_a_scorer_that_cannot_work_says_so() -> None:
    class Absent:
        def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
            raise MissingExtra("judge", "all", "scoring")

    class Short:
        def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
            return []

    with pytest.raises(MissingExtra, match="judge"):
        scored(Absent(), pairs("7"))
    with pytest.raises(StageError, match="Short returned 0 scores for 2 answers"):
        scored(Short(), pairs("7", "7"))


def test_a_mark_tells_where_the_answer_begins() -> None:
    plain, marked = ExactMatch(), ExactMatch(after="####")
    assert [score.correct for score in plain.score(pairs(" 7 ", "seven"))] == [True, False]
    item = Item(id="1", input="q", target="so #### 1,007", group="g", cluster="1")
    texts = ("#### 1007", "1007", "#### 7")
    scores = marked.score([(item, Answer(text=text)) for text in texts])
    assert [(score.correct, score.parsed) for score in scores] == [
        (True, True), (False, False), (False, True),
    ]  # fmt: skip
