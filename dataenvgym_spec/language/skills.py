"""What a spec says of skills: how they are found, and which splits are labelled with them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType, field

from dataenvgym_spec.language.fields import Options, Section, hover, slot

LabelledSplit = Literal["selection", "test"]


class Skills(Section, frozen=True, kw_only=True):
    """The skills that make up the task."""

    discover: Annotated[
        Options, slot("discovery", "How the skills and the skill of every item are found.")
    ]
    from_: (
        Annotated[
            Literal["shown", "pool"],
            hover(
                "The items that names, descriptions and groups of skills are made of: the shown "
                "part of feedback (the default), or the split `pool`. Feedback is then assigned to "
                "them."
            ),
        ]
        | UnsetType
    ) = field(name="from", default=UNSET)
    label: (
        Annotated[
            list[LabelledSplit],
            hover(
                "Splits whose items are assigned to skills too, for the report alone: it then "
                "has the accuracy by skill.",
                max_length=2,
            ),
        ]
        | UnsetType
    ) = UNSET
    teacher_may_read: (
        Annotated[
            list[LabelledSplit],
            hover(
                "Which of them the teacher of a discovery may read, who is sent their questions. "
                "Without it, such a discovery labels none.",
                max_length=2,
            ),
        ]
        | UnsetType
    ) = UNSET
    # Not None: what is written of specs that do not say them stays as it was.

    @property
    def of_pool(self) -> bool:
        """Whether they are made of the pool."""
        return self.from_ == "pool"

    @property
    def labelled(self) -> tuple[LabelledSplit, ...]:
        """The splits that are labelled, each once."""
        return () if self.label is UNSET else tuple(dict.fromkeys(self.label))

    @property
    def readable(self) -> tuple[LabelledSplit, ...]:
        """The splits that a teacher may read."""
        return () if self.teacher_may_read is UNSET else tuple(dict.fromkeys(self.teacher_may_read))
