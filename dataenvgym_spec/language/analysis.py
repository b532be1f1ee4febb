"""What a spec says of its results and of their price: what is compared, and what may be spent.

None of it is part of a key. Its docstrings are hover texts, as those of `spec` are.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from dataenvgym_spec.language.fields import Section, hover


class Contrast(Section, frozen=True, kw_only=True):
    """A comparison that the report makes."""

    arm: Annotated[str, hover("The arm in question.")]
    against: Annotated[str, hover("The arm it is compared with.")]
    student: Annotated[Literal["best", "last"], hover("Which student of each arm.")] = "best"
    split: Annotated[Literal["test"], hover("Where they are compared.")] = "test"
    primary: Annotated[bool, hover("The comparison the experiment was made for.")] = False


class Analysis(Section, frozen=True, kw_only=True):
    """What the report compares. Never part of a key."""

    contrasts: Annotated[list[Contrast], hover("Comparisons of arms.")] = field(
        default_factory=list
    )


class Limits(Section, frozen=True, kw_only=True):
    """How much the experiment may cost in all.

    A guard of `dataenvgym run`: it pauses, never changes data, and is part of no key.
    """

    usd: Annotated[float, hover("US dollars, by the prices in `prices.yaml`.", ge=0)] | None = None
    hours: (
        Annotated[
            float,
            hover("Hours of work of all stages, whatever machine they ran on.", ge=0),
        ]
        | None
    ) = None
    gpu_hours: (
        Annotated[
            float,
            hover(
                "Hours of work on a GPU, times the GPUs in use; work on a CPU counts nothing.", ge=0
            ),
        ]
        | None
    ) = None
    tokens: (
        Annotated[
            float,
            hover(
                "Tokens that teachers and students read and write, in prompts and answers.", ge=0
            ),
        ]
        | None
    ) = None
