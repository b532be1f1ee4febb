"""What teaching a skill was followed by: the changes of its accuracy between two plans.

Not a component itself. A change is undefined, not zero, for a skill that was not taught or not
measured in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.records.plans import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of a skill's accuracy from a plan that taught it to the plan after it.

    Attributes:
        age: how many plans later there were; 0 for the latest change.
        change: the accuracy after less the one before.
        items: the hidden items that measured both.
    """

    age: int
    change: float
    items: int

    def shrunk(self, prior_items: float) -> float:
        """The change as if as many further items had not changed.

        >>> Change(age=0, change=0.2, items=10).shrunk(30)
        0.05
        """
        return self.change * self.items / (self.items + prior_items)


def changes(state: SkillListState) -> dict[str, tuple[Change, ...]]:
    """The changes of each skill that is measured now, the latest first.

    The hidden part of feedback is the same in all plans of a run, and with it the items.
    """
    scores = state.scores or {}
    found: dict[str, list[Change]] = {skill: [] for skill in scores}
    for age, (step, after) in enumerate(_pairs(state)):
        for skill in _taught(step, after):
            change = _difference(skill, step, after)
            if skill in found and change is not None:
                items = scores[skill].items
                found[skill].append(Change(age=age, change=change, items=items))
    return {skill: tuple(each) for skill, each in found.items()}


def requested(state: SkillListState) -> dict[str, tuple[int, ...]]:
    """How many plans ago each skill was asked for, whatever came of it; 0 is the latest."""
    ages: dict[str, tuple[int, ...]] = dict.fromkeys(state.skills, ())
    for age, step in enumerate(reversed(state.history)):
        for skill, count in step.allocation.items():
            if count:
                ages[skill] = (*ages.get(skill, ()), age)
    return ages


def _pairs(state: SkillListState) -> Iterator[tuple[Step, Step]]:
    """Each step with what was seen after it, the latest first: after that, what is seen now."""
    accuracies = {skill: score.accuracy for skill, score in (state.scores or {}).items()}
    short = {}
    for skill, given in (state.yields or {}).items():
        short[skill] = given.requested - given.accepted
    after = Step(allocation={}, reasons={}, scores=accuracies, shortfall=short)
    for step in reversed(state.history):
        yield step, after
        after = step


def _difference(skill: str, step: Step, after: Step) -> float | None:
    """The change of an accuracy; None if it was not measured both times."""
    before, now = (each.scores or {} for each in (step, after))
    if skill in before and skill in now:
        return now[skill] - before[skill]
    return None


def _taught(step: Step, after: Step) -> Iterator[str]:
    """The skills that the student got examples of, as far as the arm observes yields."""
    short = after.shortfall or {}
    for skill, count in step.allocation.items():
        if count > short.get(skill, 0):
            yield skill
