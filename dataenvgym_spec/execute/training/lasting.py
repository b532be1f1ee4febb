"""As many steps for a part of some examples as all of them take."""

from __future__ import annotations

import math

from msgspec.structs import replace

from dataenvgym_spec.gym.students.trainers.protocol import TrainingLength, TrainingSettings


def lasting(settings: TrainingSettings, examples: int) -> TrainingSettings:
    """Settings with the optimizer steps that they take on so many examples, as a number.

    Each pass ends with a step, however few examples are left for it.
    """
    epochs = settings.length.epochs
    if epochs is None or not examples:
        return settings
    steps = math.ceil(epochs * math.ceil(examples / settings.batch_size))
    return replace(settings, length=TrainingLength(steps=steps))
