"""Computed answers are scored in blocks, whatever is asked for one at a time, with the scores that they have alone."""

from collections.abc import Iterator, Sequence

from dataenvgym_spec.core.streamed import Streamed
from dataenvgym_spec.gym.tasks.ahead import BLOCK, Ahead
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.examples import Example
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


def example(number: int, target: str) -> Example:
    return Example(
        id=str(number), input=f"{number}?", target=target, group="g", cluster=str(number), skill="g"
    )


def own(ahead: Ahead, one: Example) -> Score:
    """What its own answer is worth."""
    (score,) = ahead.score([(one.item(), Answer(text=one.target))])
    return score


def test_computed_answers_are_scored_in_blocks_and_others_alone() -> None:
    rows = [example(n, str(n)) for n in range(100)]
    judge = Counting()
    ahead = Ahead(judge, lambda one: int(one.id) % 10 != 0)
    asked, found = [], []
    for one in ahead.following(rows):
        if int(one.id) % 3:  # some are surplus
            asked.append((one.item(), Answer(text=one.target)))
            found.append(own(ahead, one))
    assert found == ExactMatch().score(asked)
    alone = sum(int(one.id) % 10 == 0 and int(one.id) % 3 != 0 for one in rows)
    assert judge.batches.count(1) == alone
    assert len(judge.batches) - alone == 2, "those from 1 to 64, and from 65 to 99"
    assert max(judge.batches) <= BLOCK


def test_what_is_not_the_next_candidate_is_scored_as_it_is_asked() -> None:
    first, again = example(1, "7"), example(1, "8")  # one question, two answers
    judge = Counting()
    ahead = Ahead(judge, lambda _: True)
    for _ in range(2):  # whoever begins anew is not confused by what was still to come
        following = iter(ahead.following([first, again, example(2, "9")]))
        next(following)
        assert [own(ahead, one).correct for one in (first, again, first)] == [True] * 3
        (other,) = ahead.score([(first.item(), Answer(text="8"))])
        assert (other.correct, own(ahead, example(3, "3")).correct) == (False, True)


def test_few_candidates_are_held() -> None:
    given = 0

    def made() -> Iterator[Example]:
        nonlocal given
        for given in range(1000):
            yield example(given, str(given))

    ahead = Ahead(Counting(), lambda _: True)
    for number, one in enumerate(ahead.following(Streamed(made))):
        assert int(one.id) == number
        assert given < number + BLOCK
    assert number == 999
