"""The steps that small programs are made of: each in words, as a line of code, and as a function.

Not a source itself; see `programs`. The code is written here, and what it does is written beside it
once more, so that the tests of a problem come from the meaning of its words and not from its code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

LETTERS: Final = "abcde"
"""What texts consist of, so that a letter in a step is often in them."""
MOST: Final = 6
"""The longest list or text that a test has, besides those that steps make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a program.

    Attributes:
        words: what it does to the value, in words.
        code: the expression of its result, where `x` is the value.
        do: its meaning.
        last: whether no other step may follow, since the value becomes one of another type.
    """

    words: str
    code: str
    do: Callable[[Any], Any]
    last: bool = False


Draw = Callable[[Random, int], Step]
"""Draws a step; the number is the largest that it may have."""


def _number(words: str, code: str, do: Callable[[Any, int], Any], least: int = 1) -> Draw:
    """A step with a number, which stands for `#` in its words and its code."""

    def draw(rng: Random, largest: int) -> Step:
        k = rng.randint(least, max(least, largest))
        filled = [text.replace("#", str(k)) for text in (words, code)]
        return Step(words=filled[0], code=filled[1], do=lambda x: do(x, k))

    return draw


def _few(words: str, code: str, do: Callable[[Any, int], Any], few: int = 4) -> Draw:
    """The same with a small number, whatever the largest: of items, letters or repetitions."""
    drawn = _number(words, code, do)
    return lambda rng, largest: drawn(rng, min(largest, few))


def _plain(words: str, code: str, do: Callable[[Any], Any], *, last: bool = False) -> Draw:
    """A step without a number."""
    return lambda rng, largest: Step(words=words, code=code, do=do, last=last)


def _letter(
    words: str, code: str, do: Callable[[str, str, str], Any], *, last: bool = False
) -> Draw:
    """A step with two letters, `A` and `B` in its words and its code."""

    def draw(rng: Random, largest: int) -> Step:
        a, b = rng.sample(LETTERS, 2)
        filled = [text.replace("A", a).replace("B", b) for text in (words, code)]
        return Step(words=filled[0], code=filled[1], do=lambda x: do(x, a, b), last=last)

    return draw


NUMBERS: Final[tuple[Draw, ...]] = (
    _number("add #", "x + #", lambda x, k: x + k),
    _number("subtract #", "x - #", lambda x, k: x - k),
    _number("multiply by #", "x * #", lambda x, k: x * k, least=2),
    _number("take the rest by #", "x % #", lambda x, k: x % k, least=2),
    _number("divide by # and round down", "x // #", lambda x, k: x // k, least=2),
    _number("raise to at least #", "max(x, #)", max),
    _number("lower to at most #", "min(x, #)", min),
    _plain("square", "x * x", lambda x: x**2),
    _plain("negate", "-x", lambda x: 0 - x),
    _plain("take the size", "abs(x)", lambda x: max(x, -x)),
)
LISTS: Final[tuple[Draw, ...]] = (
    _number("add # to each", "[n + # for n in x]", lambda x, k: [n + k for n in x]),
    _number("multiply each by #", "[n * # for n in x]", lambda x, k: [k * n for n in x], least=2),
    _number("keep those above #", "[n for n in x if n > #]", lambda x, k: [n for n in x if k < n]),
    _number("keep those below #", "[n for n in x if n < #]", lambda x, k: [n for n in x if k > n]),
    _number("append #", "x + [#]", lambda x, k: [*x, k]),
    _few("drop the first #", "x[#:]", lambda x, k: [n for i, n in enumerate(x) if i >= k]),
    _few("keep the first #", "x[:#]", lambda x, k: [n for i, n in enumerate(x) if i < k]),
    _plain("keep even ones", "[n for n in x if n % 2 == 0]", lambda x: [n for n in x if not n & 1]),
    _plain("square each", "[n * n for n in x]", lambda x: [n**2 for n in x]),
    _plain("sort", "sorted(x)", sorted),
    _plain("reverse", "x[::-1]", lambda x: list(reversed(x))),
    _plain("sum", "sum(x)", sum, last=True),
    _plain("count", "len(x)", len, last=True),
    _plain("take the largest or 0", "max(x, default=0)", lambda x: max(x or [0]), last=True),
)  # fmt: skip
STRINGS: Final[tuple[Draw, ...]] = (
    _few("drop the first #", "x[#:]", lambda x, k: "".join(list(x)[k:])),
    _few("keep the first #", "x[:#]", lambda x, k: "".join(list(x)[:k])),
    _few("repeat # times", "x * #", lambda x, k: "".join([x] * k)),
    _letter("replace A by B", 'x.replace("A", "B")', lambda x, a, b: b.join(x.split(a))),
    _letter("drop each A", 'x.replace("A", "")', lambda x, a, b: "".join(x.split(a))),
    _letter("put A before", '"A" + x', lambda x, a, b: "".join([a, x])),
    _letter("put A behind", 'x + "A"', lambda x, a, b: "".join([x, a])),
    _letter("count A", 'x.count("A")', lambda x, a, b: len(x.split(a)) - 1, last=True),
    _plain("capitalize all", "x.upper()", lambda x: "".join(chr(ord(c) & ~32) for c in x)),
    _plain("reverse", "x[::-1]", lambda x: "".join(reversed(x))),
    _plain("sort", '"".join(sorted(x))', lambda x: "".join(sorted(x))),
    _plain("count", "len(x)", len, last=True),
)
CONDITIONS: Final[tuple[Draw, ...]] = (
    _plain("is even", "x % 2 == 0", lambda x: not x & 1),
    _plain("is negative", "x < 0", lambda x: x != abs(x)),
    _number("is above #", "x > #", lambda x, k: k < x),
)
SKILLS: Final[Mapping[str, tuple[Draw, ...]]] = {
    "numbers": NUMBERS,
    "lists": LISTS,
    "strings": STRINGS,
    "branches": NUMBERS,
    "loops": NUMBERS,
}
"""The steps of each skill."""
VALUES: Final = {
    "numbers": "a whole number",
    "lists": "a list of whole numbers",
    "strings": "a text",
    "branches": "a whole number",
    "loops": "a whole number",
}
"""What a program of each skill is given, in words."""


def inputs(skill: str, rng: Random, count: int) -> list[Any]:
    """What programs of a skill are tested on: the odd cases first, then drawn ones."""
    if skill == "lists":
        drawn = [[rng.randint(-20, 20) for _ in range(rng.randint(1, MOST))] for _ in range(count)]
        return [[], *drawn][:count]
    if skill == "strings":
        texts = ["".join(rng.choices(LETTERS, k=rng.randint(1, MOST))) for _ in range(count)]
        return ["", *texts][:count]
    if skill == "loops":
        return [0, 1, *(rng.randint(2, 12) for _ in range(count))][:count]
    return [0, -1, *(rng.randint(-50, 50) for _ in range(count))][:count]
