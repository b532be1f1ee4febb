"""The words for a contrast and for what an interval covers: one wording for all that print them.

Report, exports, terminal and tracking say the same, so that none of them claims more than another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.records.experiment import Question, called
from dataenvgym_spec.results.evidence.statistics import Covers, Estimate
from dataenvgym_spec.results.noise import UNKNOWN

if TYPE_CHECKING:
    from dataenvgym_spec.results.evidence.scores import Outcome

ITEMS_ONLY: Final = "items only; run variance unknown"
"""What an interval with one run per arm covers, and never more."""
NOT_SEEN: Final = "not seen"
"""In the place of a variance between runs, or items, whose estimate is cut off at 0."""
REWARDS: Final = (
    f"Noise floor: {UNKNOWN} for rewards, since no copy of a student answers the items of feedback "
    "that they are measured on."
)
"""What stands beside rewards, which are changes of an accuracy as well."""
ONE_RUN: Final = f"There is one run per arm: {ITEMS_ONLY}."
DRAWN: Final[dict[Covers, str]] = {
    "items": "items",
    "clusters": "clusters",
    "seeds": "runs",
    "items and seeds": "runs and items",
    "clusters and seeds": "runs and clusters",
}
"""What would be drawn again, for what an interval covers."""
_COVERED: Final[dict[Covers, str]] = {
    "items": ITEMS_ONLY,
    "clusters": ITEMS_ONLY,
    "seeds": "runs on these items",
    "items and seeds": "runs and items",
    "clusters and seeds": "runs and clusters of items",
}
_SEVERAL_RUNS: Final = (
    "Intervals of means are t intervals over runs: they cover the run-to-run variance on these "
    "items and not the choice of items. Intervals of contrasts cover both, other runs and other "
    "items. Intervals of single runs cover the items, and so do those of the base student, which "
    "all runs share, unless its answers are drawn, and of a mean whose runs all have one score."
)
_MOST_NAMED: Final = 3


def covered(estimate: Estimate) -> str:
    """What the interval of a difference covers: stands beside every one that is printed.

    >>> covered(Estimate(value=0.1, low=0.0, high=0.2, covers="items", count=60))
    'items only; run variance unknown'
    >>> covered(Estimate(value=0.1, low=0.0, high=0.2, covers="items and seeds", count=3))
    'runs and items'
    """
    return _COVERED[estimate.covers]


def seen(figure: float | None) -> float | str:
    """What is known of how runs vary, or items, for a program: never 0 where it was not seen.

    >>> seen(0.0321234567), seen(None)
    (0.032123, 'not seen')
    """
    return NOT_SEEN if figure is None else round(figure, 6)


def intervals(differences: Iterable[tuple[str, Estimate]]) -> str:
    """The same below a table, for all of its differences; empty if there are none.

    >>> one = Estimate(value=0.1, low=0.0, high=0.2, covers="clusters", count=60)
    >>> many = Estimate(value=0.1, low=0.0, high=0.2, covers="seeds", count=3)
    >>> intervals([("a", one), ("b", one)])
    'Intervals: items only; run variance unknown.'
    >>> intervals([("a", one), ("b", many)])
    'Intervals of a: items only; run variance unknown. Intervals of b: runs on these items.'

    Args:
        differences: each by what it is called; used where they do not cover the same.
    """
    names: dict[str, list[str]] = {}
    for name, estimate in differences:
        names.setdefault(covered(estimate), []).append(name)
    if len(names) == 1:
        return f"Intervals: {next(iter(names))}."
    return " ".join(f"Intervals of {some(mine)}: {phrase}." for phrase, mine in names.items())


def scored(outcomes: Sequence[Outcome], runs: int) -> str:
    """What the intervals of students' scores are over, such as runs, and of the base items.

    Args:
        outcomes: of several runs their means.
        runs: how many there are of each arm.
    """
    if runs == 1 or not outcomes:
        return ITEMS_ONLY
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(DRAWN[one.accuracy.covers], []).append(one)
    most = max(groups, key=lambda drawn: len(groups[drawn]))
    text = f"over {most.replace('runs', f'{runs} runs')}"
    for drawn, mine in groups.items():
        if drawn == most:
            continue
        elsewhere = {one.student for one in outcomes if one not in mine}
        names = []
        for one in mine:
            alone = one.student not in elsewhere
            names.append(one.student if alone else f"{one.student} of {one.arm}")
        text += f"; over {drawn} for {some(names)}"
    return text


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are.

    >>> some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    unique = list(dict.fromkeys(clean(name) for name in names))
    more = len(unique) - _MOST_NAMED
    text = ", ".join(unique[:_MOST_NAMED])
    return f"{text} and {more} more" if more > 0 else text


def coverage(seeds: Sequence[int]) -> str:
    """What the intervals of an experiment cover."""
    if len(seeds) == 1:
        return ONE_RUN
    names = ", ".join(str(seed) for seed in seeds)
    return f"There are {len(seeds)} runs per arm (run seeds {names}). {_SEVERAL_RUNS}"


def compared(question: Question) -> str:
    """What a contrast compares, and where if that is not all of the sealed test."""
    first = f"{called(question.student)} of {question.arm}"
    second = f"{called(question.second)} of {question.against}"
    parts = [clean(part) for part in question.part]
    if question.split != "test":
        parts.insert(0, f"on {place(question)}")
    return ", ".join((f"{first} less {second}", *parts))


def place(question: Question) -> str:
    """The split of a contrast in words."""
    if question.split in ("test", "selection"):
        return _SPLITS[question.split]
    return f"the test set {clean(question.split)}"


_SPLITS: Final = {"test": "the sealed test", "selection": "the selection split"}
