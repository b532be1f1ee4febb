"""What teaching skills brought: the rewards of a skill tree. Not an environment itself."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

Marks = Mapping[str, bool]
"""Whether each of some items is answered right, by its id."""
BySkill = Mapping[str, Marks]


def paired(
    before: BySkill, now: BySkill, taught: Mapping[str, int], prior_items: float
) -> dict[str, float]:
    """The change of each taught skill, less the mean change of those that were not taught.

    A change is that of the accuracy on the items that were answered both times, shrunk by their
    number as if `prior_items` further items had not changed: of n items, g of which are newly right
    and l newly wrong, it is (g - l) / (n + prior_items). The changes of the untaught skills are
    shrunk alike, so that what happens to all skills brings no reward; where all were taught there
    is nothing to compare with, and nothing is subtracted.

    >>> before = {"sum": {"1": False, "2": False}, "gcd": {"3": True, "4": True}}
    >>> now = {"sum": {"1": True, "2": True}, "gcd": {"3": True, "4": False}}
    >>> paired(before, now, {"sum": 10}, prior_items=2)
    {'sum': 0.75}

    Args:
        before: at the evaluation before the skills were taught.
        now: at the one after it.
        taught: how many examples the student got of each in between.
        prior_items: see above.

    Returns:
        By skill; one that was not taught or not measured both times has none.
    """
    changes = {}
    for skill, marks in now.items():
        earlier = before.get(skill, {})
        both = marks.keys() & earlier.keys()
        if both:
            gained = sum(marks[item] - earlier[item] for item in both)
            changes[skill] = gained / (len(both) + prior_items)
    untaught = [change for skill, change in changes.items() if not taught.get(skill)]
    usual = fmean(untaught) if untaught else 0.0
    return {skill: change - usual for skill, change in changes.items() if taught.get(skill)}


def plain(before: BySkill, now: BySkill) -> dict[str, float]:
    """The difference of two accuracies, of every skill that was measured both times.

    As the paper has it: taught or not, and however few the items are.
    """
    rewards = {}
    for skill, marks in now.items():
        earlier = before.get(skill)
        if marks and earlier:
            rewards[skill] = fmean(marks.values()) - fmean(earlier.values())
    return rewards
