"""What a spec says of its noise floor: copies of evaluations and of trainings of one student.

The copies move no key of any other stage. Its docstrings are hover texts, as those of `spec` are.
"""

from __future__ import annotations

from typing import Annotated, Literal

from dataenvgym_spec.language.fields import Section, hover

MOST = 100
"""Copies of one sort."""


class Noise(Section, frozen=True, kw_only=True):
    """Salted copies of one student's evaluation and training, which no other stage reads.

    They tell how much a score varies where nothing is different but chance.
    """

    reevaluate: Annotated[
        int,
        hover(
            "How often the student is evaluated again, in another order and in other batches; "
            "where answers are drawn, with other seeds.",
            ge=0,
            le=MOST,
        ),
    ] = 0
    retrain: Annotated[
        int,
        hover(
            "How often the student is trained again on the same examples, in another order and "
            "with other seeds, and evaluated.",
            ge=0,
            le=MOST,
        ),
    ] = 0
    of: Annotated[str, hover("The arm whose student it is; left out, the spec's first.")] | None = (
        None
    )
    iteration: (
        Annotated[
            int,
            hover(
                "The iteration whose student it is, under the first run seed; 0 is the untaught "
                "one. Left out, the last iteration that takes place in any case.",
                ge=0,
                le=1000,
            ),
        ]
        | None
    ) = None
    split: Annotated[
        Literal["selection", "test"],
        hover("What the copies answer: the selection split, or the sealed test."),
    ] = "selection"
