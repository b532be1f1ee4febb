"""The task of a spec as typed records: sources, scorer, splits."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import field

from dataenvgym_spec.language.fields import Count, Name, Options, Section, hover, slot, word

WRONG_GOLD = 0.02
"""The part of a draw whose gold answers may score wrong, where a spec does not say."""


class Draw(Section, frozen=True, kw_only=True):
    """How many items: the same number from every group, or a number in all."""

    per_group: (
        Annotated[
            Count,
            hover(
                "Items of each group (for reasoning-gym a family, for MATH a subject and level)."
            ),
        ]
        | None
    ) = None
    items: Annotated[Count, hover("Items in all, whatever their group.")] | None = None


Whole = Literal["all", "rest"]
"""A draw without a number: all of a source, or what no other split's share holds."""
Amount = Annotated[
    Draw | Whole,
    hover(
        "How many items: `{per_group: N}` or `{items: N}` out of this role's share; `all`: the "
        "whole source, which no other split may draw from; `rest`: what lies in no other "
        "split's share."
    ),
]


class Split(Section, frozen=True, kw_only=True):
    """Items drawn by the hash of their content from one source,
    inside this role's share of the hash space.
    """

    from_: Annotated[Name, hover("Name of one of `task.sources`.")] = field(name="from")
    draw: Amount
    share: (
        Annotated[
            float,
            hover(
                "Part of the hash space this role owns (default: test 0.1, selection "
                "0.05, feedback 0.1).",
                gt=0,
                lt=1,
            ),
        ]
        | None
    ) = None
    same_as: (
        Annotated[
            Literal["test", "selection", "feedback"],
            hover("Use the items of another split in this role too, instead of `from` and `draw`."),
        ]
        | None
    ) = None


class FeedbackSplit(Split, frozen=True, kw_only=True):
    """What the agent may learn from: a shown part for prompts,
    a hidden part that measures state and reward.
    """

    show: Annotated[float, hover("Part of the items that prompts may show.", gt=0, lt=1)] = 0.5


class PoolSplit(Section, frozen=True, kw_only=True):
    """Items that may be taught and shown in prompts. No other split has any of them."""

    same_as: ClassVar[None] = None

    from_: Annotated[Name, hover("Name of one of `task.sources`.")] = field(name="from")
    draw: Amount
    share: (
        Annotated[
            float,
            hover("Part of the hash space this role owns (default: 0.2).", gt=0, lt=1),
        ]
        | None
    ) = None


class Probe(Section, frozen=True, kw_only=True):
    """Another test set: base, best and last answer it, and nobody but the report reads that.
    It tells what teaching changed elsewhere.
    """

    from_: Annotated[Name, hover("Name of one of `task.sources`.")] = field(name="from")
    draw: Annotated[
        Draw | Literal["all"],
        hover(
            "How many items: `{per_group: N}`, `{items: N}`, or `all` of the source, each time "
            "less what any split may have of it."
        ),
    ] = "all"


AnySplit = Split | PoolSplit


class Splits(Section, frozen=True, kw_only=True, omit_defaults=True):
    """The splits and their roles. They are disjoint by item and by cluster."""

    test: Annotated[Split, hover("Sealed: reaches only the final evaluations and the report.")]
    selection: Annotated[Split, hover("Picks the best student; never shown to the agent.")]
    feedback: Annotated[FeedbackSplit, hover("What the agent may observe.")]
    pool: (
        Annotated[
            PoolSplit,
            hover("Real items that may be taught and shown in prompts: whoever reads it is told."),
        ]
        | None
    ) = None
    probes: Annotated[
        dict[Name, Probe],
        hover("Other test sets by name, answered by base, best and last for the report alone."),
    ] = field(default_factory=dict)

    def drawn(self) -> dict[str, AnySplit]:
        """The splits that there are, by role, in the order in which they are drawn."""
        splits: dict[str, AnySplit] = {
            "test": self.test,
            "selection": self.selection,
            "feedback": self.feedback,
        }
        if self.pool is not None:
            splits["pool"] = self.pool
        return splits


class Sealed(Section, frozen=True, kw_only=True):
    """Who answers the sealed test besides base, best and last."""

    evaluate: Annotated[
        Literal["each"],
        hover(
            "`each`: the students of all iterations, after the loop. For the report alone: nothing "
            "is selected by it, and the report says so."
        ),
    ]


class Task(Section, frozen=True, kw_only=True):
    """What is taught: where its items come from, how answers are scored,
    how the items are split.
    """

    kind: Annotated[str, word("task", "The domain: what of a question counts, and prompts for it.")]
    sources: Annotated[
        dict[str, Annotated[Options, slot("source", "Where items come from.")]],
        hover("Named sources of items.", min_length=1),
    ]
    score: Annotated[Options, slot("scorer", "How an answer is scored.")]
    splits: Splits
    wrong_gold: Annotated[
        float,
        hover(
            "Part of a draw whose own gold answers the scorer may find wrong. Their items are "
            "left out; a source with more is refused.",
            ge=0,
            le=1,
        ),
    ] = WRONG_GOLD
