"""A part of the examples of an iteration: random, seeded, of every request its share."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.results.taught.fraction import by_iteration, part
from tests.support.requested import made


@given(
    requests=st.text("abc", min_size=1, max_size=60),
    fraction=st.floats(0.01, 1),
    seed=st.integers(0, 9),
)
def test_every_request_keeps_its_share(requests: str, fraction: float, seed: int) -> None:
    examples = made(requests)
    taught = part(examples, fraction, seed)
    amount = max(1, round(fraction * len(examples)))
    assert len(taught) == amount
    assert [example for example in examples if example in taught] == taught
    all_of, some_of = Counter(requests), Counter(example.asked_by for example in taught)
    for name, count in all_of.items():
        assert abs(some_of[name] - Fraction(count * amount, len(examples))) < 1


def test_the_seed_draws_and_the_order_does_not() -> None:
    examples = made("ab" * 20)
    drawn = {tuple(example.id for example in part(examples, 0.25, seed)) for seed in range(20)}
    assert len(drawn) == 20
    assert {example.id for example in part(examples[::-1], 0.25, 3)} == {
        example.id for example in part(examples, 0.25, 3)
    }


def test_each_iteration_has_its_own_part() -> None:
    first, second = made("aabb", 1), made("bbbb", 2)
    assert by_iteration([*first, *second]) == [first, second]
