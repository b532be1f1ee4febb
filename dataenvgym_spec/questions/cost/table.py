"""What stages cost where there is no log.

Wide ranges, from a model of a million parameters on a CPU to ten billion on a GPU. `docs/cost.md`
explains the table; a log of any earlier stage of the kind replaces it.
"""

from __future__ import annotations

from typing import Final

Range = tuple[float, float]

SECONDS: Final[dict[str, tuple[Range, Range]]] = {
    # Seconds of a stage, low and high; and seconds for each unit of its size.
    "data": ((0.01, 120), (0, 0.05)),  # an item drawn
    "reserve": ((0.01, 120), (0, 0)),
    "student": (
        (1, 600),
        (1e-5, 0.5),
    ),  # an example of the pretraining; a model that exists is fetched
    "skills": ((0.01, 30), (0, 0.05)),  # an item sorted
    "assign": ((0.01, 30), (0, 5)),  # an item sorted, by a teacher perhaps
    "label": ((0.01, 30), (0, 5)),  # the same
    "evaluate": ((0.05, 180), (1e-6, 0.02)),  # a token that an answer may have
    "plan": ((0.01, 30), (0, 5)),  # a question to a teacher, if it asks one
    "generate": ((0.01, 30), (0, 5)),  # an example asked for; a teacher behind an API takes seconds
    "check": ((0.01, 30), (0, 0.1)),  # an example judged
    "train": ((1, 180), (1e-5, 0.5)),  # an example seen
    "select": ((0.001, 10), (0, 0)),
}
ANY: Final[tuple[Range, Range]] = ((0.001, 120), (0, 1))
"""A kind that is not in the table."""
STUDENT_PROMPT: Final[Range] = (4, 1000)
"""Tokens of the prompt of an item."""
TRAINED: Final = 4
"""The fewest tokens of an example; the most is what the spec allows."""
TEACHER_TOKENS: Final[dict[str, Range]] = {"prompt": (20, 4000), "generated": (10, 2000)}
"""Tokens that a teacher reads and writes for an example."""
ACCEPTED: Final = 0.5
"""The least part of the examples asked for that is accepted in the first round."""
DESCRIBED: Final = 0.25
"""The least part of the candidates of a first round that is described in words of its own."""
PAINTED: Final[Range] = (0.001, 300)
"""Seconds of an image that a model paints in the stage: a tiny one, a large one on a CPU."""
