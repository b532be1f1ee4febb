"""What a spec says of its results and of their price: what is compared, and what may be spent.

None of it is part of a key. Its docstrings are hover texts, as those of `spec` are.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dataenvgym_spec.language.fields import Name, Section, hover

Student = Literal["best", "last", "base"] | Annotated[int, Meta(ge=0, le=1000)]
"""A student of an arm: by what it is, or by the iteration that taught it; 0 is the base."""


BASE: Final = "base"
"""The untaught student of an arm."""


class Other(Section, frozen=True, kw_only=True):
    """The student that a contrast compares with, where its arm alone does not say which."""

    arm: (
        Annotated[Name, hover("Its arm; left out, that of the student in question.")] | UnsetType
    ) = UNSET
    student: (
        Annotated[
            Student, hover("Which of its students; left out, the same as of the arm in question.")
        ]
        | UnsetType
    ) = UNSET


class Contrast(Section, frozen=True, kw_only=True):
    """A comparison that the report makes: of one student less another, on equal items."""

    arm: Annotated[str, hover("The arm in question.")]
    against: Annotated[
        str | Other,
        hover(
            "What it is compared with: the same student of another arm; `base`, the untaught "
            "student; or any other one, `{arm: NAME, student: last}`. Where an arm is called "
            "`base`, the word is that arm."
        ),
    ]
    student: Annotated[
        Student,
        hover("Which student of each arm: `best`, `last`, `base`, or the number of an iteration."),
    ] = "best"
    split: Annotated[
        str,
        hover("Where they are compared: `test`, `selection`, or one of `task.splits.probes`."),
    ] = "test"
    skill: (
        Annotated[
            str,
            hover(
                "Compare on the items of this skill alone: of those that the split is labelled "
                "with, or else of the groups of its source."
            ),
        ]
        | UnsetType
    ) = UNSET
    slice: (
        Annotated[
            dict[str, str | Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]],
            hover(
                "Compare on this part alone: the slices of the source, by name, each with a value.",
                min_length=1,
            ),
        ]
        | UnsetType
    ) = UNSET
    equivalence: (
        Annotated[
            float,
            hover(
                "Also say whether the two are equivalent: whether they differ by less than this "
                "many points (two one-sided tests at 5%).",
                gt=0,
                lt=100,
            ),
        ]
        | UnsetType
    ) = UNSET
    # Not None: what is written of specs that do not say them stays as it was.
    primary: Annotated[bool, hover("The comparison the experiment was made for.")] = False


class Analysis(Section, frozen=True, kw_only=True):
    """What the report compares. Never part of a key."""

    contrasts: Annotated[list[Contrast], hover("Comparisons of students.")] = field(
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
