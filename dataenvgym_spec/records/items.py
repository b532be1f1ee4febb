"""An item of a task and its identity."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from dataenvgym_spec.core.hashing import digest, unit_interval
from dataenvgym_spec.records.record import Record

Form = Literal["words", "text"]
"""What of a text counts.

`words`: neither white space nor letter case. `text`: all that is written, but for an indentation of
the whole and for how lines end.
"""
FORMS: Final[Mapping[str, Form]] = {
    "math": "words",
    "code": "text",
    "vqa": "words",
    "tool-use": "text",
}
"""The canonical form of a question, by the kind of the task.

A problem in mathematics is the same however it is laid out; a program is another one when it is
indented in another way. What a question shows besides (images) and, where there are several, its
answers tell items apart in every form.
"""


class Item(Record, frozen=True, kw_only=True):
    """A question with its answer.

    Attributes:
        id: its identity, see `item_id`.
        input: the question.
        target: what is taught.
        group: the gold skill.
        cluster: items of one cluster are never split between two splits.
        verifier: what the scorer judges by, so that a teacher's wrong target can be found out.
        metadata: what a prompt's template may use besides. It says no more than the question does;
            what tells of the answer is in `verifier`.
    """

    id: str
    input: str
    target: str
    group: str
    cluster: str
    verifier: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def golds(self) -> tuple[str, ...]:
        """The answers that others are judged by: the verifier's, where it has any."""
        if "answers" in self.verifier:
            return tuple(map(str, self.verifier["answers"]))
        return (str(self.verifier.get("answer", self.target)),)

    def row(self) -> dict[str, Any]:
        """The item as a row of a JSON-lines file."""
        return self.plain()


def item_id(
    question: str, *, task: str = "math", target: str | None = None, images: Sequence[str] = ()
) -> str:
    r"""The identity of an item: 16 hex digits of the digest of its canonical form.

    Args:
        question: as it is asked.
        task: the kind of the task, which says what of a question counts (see `FORMS`).
        target: where one question has several answers, so that none of them is lost.
        images: digests of the images that the question is about, in their order.

    >>> item_id("What is 1 + 1?") == item_id(" what is  1 + 1? ")
    True
    >>> item_id("if a:\n  b()", task="code") == item_id("if a:\nb()", task="code")
    False
    """
    form = FORMS[task]
    text = canonical(question, form)
    if form == "words" and target is None and not images:
        return digest("item", text)[:16]
    told_apart = {"form": form, "text": text, "target": target, "images": list(images)}
    return digest("item", told_apart)[:16]


def canonical(text: str, form: Form) -> str:
    """A text without what does not count in its form."""
    if form == "words":
        return " ".join(text.split()).casefold()
    # How lines end is the business of whoever saved the file.
    lines = [line.rstrip() for line in text.splitlines()]
    return textwrap.dedent("\n".join(lines)).strip("\n")


def told_apart(items: Iterable[Item]) -> list[Item]:
    """Each item once, in order; whatever differs in question or target stays apart.

    Of items that are the same but for white space, letter case or target, the later ones get an
    identity of their own. Their cluster stays, so that no split tests what another one shows.
    """
    same: dict[str, dict[tuple[str, str], Item]] = {}
    for item in items:
        twins = same.setdefault(item.id, {})
        written = (canonical(item.input, "text"), _answers(item))
        if written not in twins:
            twins[written] = _with_own_id(item) if twins else item
    return [item for twins in same.values() for item in twins.values()]


def joined(items: Iterable[Item]) -> list[Item]:
    """Items in order, where clusters that hold one question are one cluster.

    Two splits would else have the question. The cluster is called as the first of them in the order
    of the alphabet, whatever the order of the items.
    """
    items, above = list(items), dict[str, str]()
    first: dict[str, str] = {}
    for item in items:
        one, other = _top(above, item.cluster), _top(above, first.setdefault(item.id, item.cluster))
        if one != other:
            above[max(one, other)] = min(one, other)
    if not above:
        return items
    return [msgspec.structs.replace(item, cluster=_top(above, item.cluster)) for item in items]


def _top(above: dict[str, str], cluster: str) -> str:
    """The cluster that a cluster is part of."""
    while cluster in above:
        # Half of the way is saved for whoever comes after.
        above[cluster] = above.get(above[cluster], above[cluster])
        cluster = above[cluster]
    return cluster


def _with_own_id(item: Item) -> Item:
    own = item_id(item.input, task="code", target=_answers(item))
    return msgspec.structs.replace(item, id=own)


def _answers(item: Item) -> str:
    """What is accepted as an answer: the target, or whatever else a verifier says."""
    if not item.verifier:
        return item.target
    return digest("answers", [item.target, item.verifier])


def in_lane(seed: int, cluster: str, lane: Iterable[float]) -> bool:
    """Whether a cluster's hash falls into a lane `[low, high)` of the hash space."""
    low, high = lane
    return low <= place_of(seed, cluster) < high


def place_of(seed: int, cluster: str) -> float:
    """Where a cluster lies in the hash space [0, 1)."""
    return unit_interval("lane", [seed, cluster])
