"""A part of what earlier iterations taught is taught again, another one in each."""

from dataenvgym_spec.results.taught.replay import again
from tests.support.requested import made

FIRST, SECOND, THIRD = made("ab" * 10, 1), made("ab" * 10, 2), made("abab", 3)
EARLIER = {example.id for example in (*FIRST, *SECOND)}
ALL = [*FIRST, *SECOND, *THIRD]


def test_each_earlier_iteration_gives_its_part_and_the_latest_all() -> None:
    old, new = again(ALL, EARLIER, 0.2, seed=3, turn=3)
    assert new == THIRD
    assert old == [example for example in ALL if example in old], "in their order"
    numbers = [example.id.partition("-")[0] for example in old]
    assert (numbers.count("1"), numbers.count("2")) == (4, 4)
    requests = [example.asked_by for example in old]
    assert requests.count("a") == requests.count("b")


def test_the_run_and_the_training_draw_and_nothing_else_does() -> None:
    drawn = {
        tuple(example.id for example in again(ALL, EARLIER, 0.2, seed, turn)[0])
        for seed in range(5)
        for turn in range(4)
    }
    assert len(drawn) == 20
    assert again(ALL, EARLIER, 0.2, 1, 2) == again(ALL, EARLIER, 0.2, 1, 2)


def test_examples_that_were_set_aside_are_not_taught_again() -> None:
    kept = [*FIRST[:4], *THIRD]
    old, new = again(kept, EARLIER, 1.0, seed=0, turn=3)
    assert (old, new) == (FIRST[:4], THIRD)
