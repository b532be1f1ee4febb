"""An item of a task and its identity."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.hashing import digest, unit_interval
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.turns import ToolSchema, Turn

IGNORED: Final = ("space", "case", "layout")
"""What of a question may not count, as `language.declaration` has it.

`space`: white space. `case`: letter case. `layout`: how lines end, white space at their ends, and
an indentation of the whole.
"""
Form = tuple[str, ...]
"""The canonical form of a question: what of it does not count, in any order."""

WORDS: Final[Form] = ("space", "case")
"""The form of questions where nothing else is declared: their words count."""
TEXT: Final[Form] = ("layout",)
"""The form of questions of which all counts that is written, such as a program."""


class Item(Record, frozen=True, kw_only=True):
    """A question with its answer.

    Attributes:
        id: its identity, see `question_id`.
        input: the question; of a conversation its last turn.
        target: what is taught.
        group: the gold skill.
        cluster: items of one cluster are never split between two splits.
        verifier: what the scorer judges by, so that a teacher's wrong target can be found out.
        metadata: what a prompt's template may use besides. It says no more than the question does;
            what tells of the answer is in `verifier`.
        targets: all answers that are accepted, where there are several; `target` is one of them.
        before: of a conversation, what was said before the question.
        images: what the question is about, in their order; their files are in the item's port.
        tools: what an answer may call.
        slices: what the report tells its items apart by besides the group, by name.
    """

    id: str
    input: str
    target: str
    group: str
    cluster: str
    verifier: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    targets: tuple[str, ...] = ()
    before: tuple[Turn, ...] = ()
    images: tuple[Picture, ...] = ()
    tools: tuple[ToolSchema, ...] = ()
    slices: dict[str, str] | None = None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All its images, in the order in which they are shown."""
        earlier = [picture for turn in self.before for picture in turn.images]
        return (*earlier, *self.images)

    @property
    def golds(self) -> tuple[str, ...]:
        """The answers that others are judged by: all that are accepted, or the verifier's."""
        if self.targets:
            return self.targets
        if "answers" in self.verifier:
            return tuple(map(str, self.verifier["answers"]))
        return (str(self.verifier.get("answer", self.target)),)

    def row(self) -> dict[str, Any]:
        """The item as a row of a JSON-lines file."""
        return self.plain()


def question_id(item: Item, form: Form = WORDS) -> str:
    """The identity of what an item asks, with its images, its tools and what was said before.

    A source that tells items apart which ask the same gives them other ones.
    """
    return item_id(
        item.input,
        form=form,
        images=[picture.digest for picture in item.pictures],
        context=_context(item, form),
    )


def _context(item: Item, form: Form) -> dict[str, Any] | None:
    """What an item asks besides its question and its images; None of most."""
    context: dict[str, Any] = {}
    if item.before:
        said = [[turn.role, canonical(turn.text, form), len(turn.images)] for turn in item.before]
        context["before"] = said
    if item.tools:
        context["tools"] = [tool.plain() for tool in item.tools]
    return context or None


def item_id(
    question: str,
    *,
    form: Form = WORDS,
    target: str | None = None,
    images: Sequence[str] = (),
    context: Mapping[str, Any] | None = None,
) -> str:
    r"""The identity of an item: 16 hex digits of the digest of its canonical form.

    Args:
        question: as it is asked.
        form: what of it does not count, as the kind of the task declares.
        target: where one question has several answers, so that none of them is lost.
        images: digests of the images that the question is about, in their order.
        context: what is asked besides, as `question_id` has it.

    Examples:
        >>> item_id("What is 1 + 1?") == item_id(" what is  1 + 1? ")
        True
        >>> item_id("if a:\n  b()", form=TEXT) == item_id("if a:\nb()", form=TEXT)
        False
    """
    text = canonical(question, form)
    named = form_name(form)
    if named == "words" and target is None and not images and context is None:
        return digest("item", text)[:16]
    told_apart = {"form": named, "text": text, "target": target, "images": list(images)}
    return digest("item", {**told_apart, **(context or {})})[:16]


def form_name(form: Form) -> str:
    """What a form is called in identities, whatever its order."""
    names = {frozenset(WORDS): "words", frozenset(TEXT): "text"}
    ignored = frozenset(form)
    if "space" in ignored:
        ignored -= {"layout"}  # which is white space
    return names.get(ignored, " ".join(sorted(ignored)))


def form_or_usual(form: Form | None) -> Form:
    """A form as keys and files have it, where None stands for the usual one."""
    return WORDS if form is None else form


def canonical(text: str, form: Form) -> str:
    """A text without what does not count in a form."""
    if "layout" in form:
        # How lines end is the business of whoever saved the file.
        lines = [line.rstrip() for line in text.splitlines()]
        text = textwrap.dedent("\n".join(lines)).strip("\n")
    if "space" in form:
        text = " ".join(text.split())
    return text.casefold() if "case" in form else text


def told_apart(items: Iterable[Item]) -> list[Item]:
    """Each item once, in order; whatever differs in question or target stays apart.

    Of items that are the same but for white space, letter case or target, the later ones get an
    identity of their own. Their cluster stays, so that no split tests what another one shows.
    """
    same: dict[str, dict[str, Item]] = {}
    for item in items:
        twins = same.setdefault(item.id, {})
        own = _with_own_id(item)
        if own.id not in twins:
            twins[own.id] = own if twins else item
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
    own = item_id(
        item.input,
        form=TEXT,
        target=_answers(item),
        images=[picture.digest for picture in item.pictures],
        context=_context(item, TEXT),
    )
    return msgspec.structs.replace(item, id=own)


def _answers(item: Item) -> str:
    """What is accepted as an answer: the target, or whatever else a verifier says."""
    if item.targets:
        return digest("answers", [item.target, item.verifier, item.targets])
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
