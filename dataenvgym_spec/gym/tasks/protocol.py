"""What a task is made of: a source gives items, a scorer judges answers to them.

An installed source or scorer brings a class that satisfies the protocol and, beside it, the JSON
definition of its options, which the class takes as keyword arguments: a file by its path, another
component (such as a sandbox) as an instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dataenvgym_spec.records.items import Item


class Source(Protocol):
    """Where items come from."""

    procedural: bool
    """Whether it makes new items without end; otherwise its streams end.

    Its definition declares the same, since a spec is checked without importing the class.

    A source that skips rows of its data says how many in `skipped`, by reason. One whose items have
    images holds them in `images`, an instance of `media.Images`.

    One whose definition says `"variants": true` is a `SourceWithVariants`.
    """

    def groups(self) -> list[str]:
        """The names of the groups, sorted."""

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one group.

        A procedural source repeats itself now and then, and the same seed gives the same stream; a
        finite one gives each item once, whatever the seed.

        What prompts may show besides the question is in an item's `metadata`: nothing that the
        question does not say. What tells of the answer, for a scorer, is in its `verifier`.
        """


class SourceWithVariants(Source, Protocol):
    """A source with harder and easier variants of its groups, which an agent can ask for."""

    def variants(self, group: str) -> Iterator[str]:
        """Names of the variants of a group: the group as it is, then the nearest ones first.

        A harder one is called `harder: ...`, and an easier one `easier: ...`; see `way_of`.
        """

    def variant(self, group: str, name: str, seed: int) -> Iterator[Item]:
        """Items of one variant of a group, and of that group, as `stream` gives them.

        Raises:
            StageError: there is no such variant.
        """


def way_of(variant: str) -> str:
    """Which way a variant differs from its group, by its name.

    Examples:
        >>> way_of("harder: num_terms 4"), way_of("as set")
        ('harder', 'as set')
    """
    way = variant.partition(": ")[0]
    return way if way in ("harder", "easier") else "as set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is scored.

    Attributes:
        text: as it was written.
        truncated: whether it was cut at the longest length allowed.
    """

    text: str
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good an answer is.

    Attributes:
        value: from 0 to 1.
        parsed: whether an answer could be read at all.
        cause: why it could not, where reading it failed: an exception or a limit.
    """

    value: float
    parsed: bool
    cause: str | None = None

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.value >= 1.0


class Scorer(Protocol):
    """Scores answers to items.

    One that expects more of an answer than its target has a method `written(item)`, which gives the
    item's own answer in that form: items are only drawn if their own answer scores right.
    """

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers.

        A score depends on its item and answer alone. An answer that cannot be read is a score that
        is not `parsed`; so is one that raises an exception or is not done in time, which costs
        nothing but this answer. It is called in a sandbox (see `scoring.Judge`): it can read files,
        and start no process.

        Returns:
            One score an answer, in the order of the answers.
        """
