"""Stories of two steps with their worked solutions; a family of `word-problems` tells one of them.

Not a source itself. Numbers are what tells two problems of a story apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

NAMES: Final = ("Ann", "Ben", "Cora", "Dan", "Eva", "Finn")
THINGS: Final = ("apples", "books", "cards", "eggs", "pens", "shells")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A story with its question.

    Attributes:
        question: as it is asked.
        steps: what is computed, one after the other.
        answer: the result of the last step.
        numbers: what the story is about, in its order.
    """

    question: str
    steps: tuple[str, ...]
    answer: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the sentences of a problem are about: who, what, and three numbers."""

    name: str
    thing: str
    a: int
    b: int
    c: int


Story = Callable[[Setting], Problem]


def draw(story: str, largest: int, rng: random.Random) -> Problem:
    """A problem of a story, with numbers from 2 to the largest.

    >>> draw("give", 9, random.Random(1)).steps
    ('4 + 3 = 7', '7 - 6 = 1')
    """
    numbers = [rng.randint(2, largest) for _ in range(3)]
    setting = Setting(
        name=rng.choice(NAMES), thing=rng.choice(THINGS), a=numbers[0], b=numbers[1], c=numbers[2]
    )
    return STORIES[story](setting)


def _give(s: Setting) -> Problem:
    """Some are found, some given away. Of what is there at most all is."""
    held = s.a + s.b
    given = min(s.c, held)
    return Problem(
        question=(
            f"{s.name} has {s.a} {s.thing}, finds {s.b} more and gives {given} away. "
            "How many are left?"
        ),
        steps=(f"{s.a} + {s.b} = {held}", f"{held} - {given} = {held - given}"),
        answer=held - given,
        numbers=(s.a, s.b, given),
    )


def _bags(s: Setting) -> Problem:
    """Several bags, and some more."""
    bagged = s.a * s.b
    return Problem(
        question=(f"{s.name} has {s.a} bags of {s.b} {s.thing} and {s.c} more. How many in all?"),
        steps=(f"{s.a} * {s.b} = {bagged}", f"{bagged} + {s.c} = {bagged + s.c}"),
        answer=bagged + s.c,
        numbers=(s.a, s.b, s.c),
    )


def _share(s: Setting) -> Problem:
    """Equal shares, of which one grows."""
    shared = s.a * s.b
    return Problem(
        question=(
            f"{s.a} friends share {shared} {s.thing}. {s.name} gets {s.c} more. "
            f"How many has {s.name}?"
        ),
        steps=(f"{shared} / {s.a} = {s.b}", f"{s.b} + {s.c} = {s.b + s.c}"),
        answer=s.b + s.c,
        numbers=(s.a, s.b, s.c),
    )


def _change(s: Setting) -> Problem:
    """What is left of the money."""
    price, paid = s.a * s.b, s.a * s.b + s.c
    return Problem(
        question=(
            f"{s.name} buys {s.a} {s.thing} at {s.b} each and pays {paid}. How much is the change?"
        ),
        steps=(f"{s.a} * {s.b} = {price}", f"{paid} - {price} = {s.c}"),
        answer=s.c,
        numbers=(s.a, s.b, s.c),
    )


def _ages(s: Setting) -> Problem:
    """Two ages together."""
    older = s.a + s.b
    return Problem(
        question=(
            f"{s.name} is {s.a} years old, a sister {s.b} years older. How old are both together?"
        ),
        steps=(f"{s.a} + {s.b} = {older}", f"{s.a} + {older} = {s.a + older}"),
        answer=s.a + older,
        numbers=(s.a, s.b),
    )


def _days(s: Setting) -> Problem:
    """What grows day by day."""
    grown = s.b * s.c
    return Problem(
        question=(
            f"A plant is {s.a} cm high and grows {s.b} cm a day. How high is it after {s.c} days?"
        ),
        steps=(f"{s.b} * {s.c} = {grown}", f"{s.a} + {grown} = {s.a + grown}"),
        answer=s.a + grown,
        numbers=(s.a, s.b, s.c),
    )


STORIES: Final[Mapping[str, Story]] = {
    "ages": _ages,
    "bags": _bags,
    "change": _change,
    "days": _days,
    "give": _give,
    "share": _share,
}
