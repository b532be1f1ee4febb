"""A part of the examples of an iteration: random, seeded, of every request its share."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.execute.training.fraction import by_iteration, lasting, part
from dataenvgym_spec.gym.students.trainers.protocol import TrainingLength, TrainingSettings
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


def settings(**length: float) -> TrainingSettings:
    return TrainingSettings.parse(
        {
            "length": length, "learning_rate": 0.1, "schedule": "linear", "warmup_ratio": 0.0,
            "weight_decay": 0.0, "max_grad_norm": 1.0, "batch_size": 8, "max_length": 9, "dtype": "float32",
        }
    )  # fmt: skip


def test_a_part_is_trained_on_for_as_many_steps_as_all_of_it_takes() -> None:
    """A pass over 20 examples in batches of 8 is 3 steps, the last of which is not full."""
    for epochs, steps in ((1, 3), (4, 12), (0.5, 2)):
        assert lasting(settings(epochs=epochs), 20).length == TrainingLength(steps=steps)
    assert lasting(settings(steps=5), 20) == settings(steps=5)
