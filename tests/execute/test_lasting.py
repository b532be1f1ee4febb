"""The optimizer steps of a training on a part of some examples."""

from dataenvgym_spec.execute.training.lasting import lasting
from dataenvgym_spec.gym.students.trainers.protocol import TrainingLength, TrainingSettings


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
