"""Computed answers are scored in blocks, whatever is asked for one at a time, with the scores that they have alone."""

from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.ahead import BLOCK, Ahead
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import Item
from tests.support.odd import scorer


class Counting(Judge):
    """Counts how many answers it is handed at once."""

    def __init__(self) -> None:
        super().__init__(scorer("exact-match", int(definition("scorer", "exact-match").version())))
        self.batches: list[int] = []

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        self.batches.append(len(answers))
        return super().score(answers)

    def score_computed(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        self.batches.append(len(answers))
        return super().score_computed(answers)


def item(number: int, target: str) -> Item:
    return Item(id=str(number), input=f"{number}?", target=target, group="g", cluster=str(number))


def test_computed_answers_are_scored_in_blocks_and_others_alone() -> None:
    items = [item(n, str(n)) for n in range(100)]
    judge = Counting()
    ahead = Ahead(judge, [one for n, one in enumerate(items) if n % 10])
    asked = [one for n, one in enumerate(items) if n % 3]  # some are surplus
    found = [ahead.score([(one, Answer(text=one.target))])[0] for one in asked]
    assert found == ExactMatch().score([(one, Answer(text=one.target)) for one in asked])
    assert sorted(judge.batches, reverse=True)[:3] == [BLOCK, 90 - BLOCK - 1, 1]
    assert sum(judge.batches) - judge.batches.count(1) <= 90


def test_what_was_not_foreseen_is_scored_as_it_is_asked() -> None:
    first, again = item(1, "7"), item(1, "8")  # one question, two answers
    judge = Counting()
    ahead = Ahead(judge, [first, again, item(2, "9")])
    own = [ahead.score([(one, Answer(text=one.target))])[0] for one in (first, again, first)]
    assert [score.correct for score in own] == [True, True, True]
    (other,) = ahead.score([(first, Answer(text="8"))])
    (strange,) = ahead.score([(item(3, "3"), Answer(text="3"))])
    assert (other.correct, strange.correct) == (False, True)
