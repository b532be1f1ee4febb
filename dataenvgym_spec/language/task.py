"""The task of a spec as typed records: sources, scorer, splits."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from dataenvgym_spec.language.fields import Count, Name, Options, Record, one, slot


class Draw(Record, frozen=True, kw_only=True):
    """How many items: the same number from every group, or a number in all."""

    per_group: (
        Annotated[
            Count,
            Meta(
                description="Items of each group (for reasoning-gym a family, for MATH a subject and level)."
            ),
        ]
        | None
    ) = None
    items: Annotated[Count, Meta(description="Items in all, whatever their group.")] | None = None


class Split(Record, frozen=True, kw_only=True):
    """Items drawn by the hash of their content from one source, inside this role's share of the hash space."""

    from_: Annotated[Name, Meta(description="Name of one of `task.sources`.")] = field(name="from")
    draw: Annotated[Draw, one("How many items: `{per_group: N}` or `{items: N}`.")]
    share: (
        Annotated[
            float,
            Meta(
                gt=0,
                lt=1,
                description="Part of the hash space this role owns (default: test 0.1, selection 0.05, feedback 0.1).",
            ),
        ]
        | None
    ) = None
    same_as: (
        Annotated[
            Literal["test", "selection", "feedback"],
            Meta(
                description="Use the items of another split in this role too, instead of `from` and `draw`."
            ),
        ]
        | None
    ) = None


class FeedbackSplit(Split, frozen=True, kw_only=True):
    """What the agent may learn from: a shown part for prompts, a hidden part that measures state and reward."""

    show: Annotated[
        float, Meta(gt=0, lt=1, description="Part of the items that prompts may show.")
    ] = 0.5


class Splits(Record, frozen=True, kw_only=True):
    """The splits and their roles. They are disjoint by item and by cluster."""

    test: Annotated[
        Split, Meta(description="Sealed: reaches only the final evaluations and the report.")
    ]
    selection: Annotated[
        Split, Meta(description="Picks the best student; never shown to the agent.")
    ]
    feedback: Annotated[FeedbackSplit, Meta(description="What the agent may observe.")]


class Task(Record, frozen=True, kw_only=True):
    """What is taught: where its items come from, how answers are scored, how the items are split."""

    kind: Annotated[Literal["math"], Meta(description="The domain.")]
    sources: Annotated[
        dict[str, Annotated[Options, slot("source", "Where items come from.")]],
        Meta(description="Named sources of items.", min_length=1),
    ]
    score: Annotated[Options, slot("scorer", "How an answer is scored.")]
    splits: Splits
