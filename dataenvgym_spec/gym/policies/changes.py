"""What teaching a skill was followed by: the changes of its accuracy between two students.

Not a component itself. A change is undefined, not zero, for a skill that was not taught or not
measured in between. The rounds of an iteration see one student, so that what they taught has one
change, which is known when the next student is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.records.plans import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of a skill's accuracy from the student before it was taught to the one after.

    Attributes:
        age: how many plans later there were; 0 for what the plan before this one taught.
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
    for training in _trainings(state):
        for skill in training.taught:
            change = _difference(skill, training.before, training.after)
            if skill in found and change is not None:
                items = scores[skill].items
                found[skill].append(Change(age=training.age, change=change, items=items))
    return {skill: tuple(each) for skill, each in found.items()}


def trials(state: SkillListState) -> dict[str, tuple[Change, ...]]:
    """The changes of each skill, and none at all for each plan that got nothing of what it asked.

    A skill that no example comes of is no better than one that teaching does not move: a policy
    that only counts changes would pick it for ever. Where yields are not observed there is nothing
    to count.
    """
    scores = state.scores or {}
    found = {skill: list(each) for skill, each in changes(state).items()}
    plans = (*state.history, _now(state))
    for age, place in enumerate(reversed(range(len(state.history)))):
        step, following = plans[place], plans[place + 1]
        taught = set(_taught(step, following))
        for skill, count in step.allocation.items():
            if count and skill in found and skill not in taught:
                found[skill].append(Change(age=age, change=0.0, items=scores[skill].items))
    return {skill: tuple(each) for skill, each in found.items()}


def requested(state: SkillListState) -> dict[str, tuple[int, ...]]:
    """How many plans ago each skill was asked for, whatever came of it; 0 is the latest."""
    ages: dict[str, tuple[int, ...]] = dict.fromkeys(state.skills, ())
    for age, step in enumerate(reversed(state.history)):
        for skill, count in step.allocation.items():
            if count:
                ages[skill] = (*ages.get(skill, ()), age)
    return ages


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """What lies between two students.

    Attributes:
        age: how many plans there were after its last one, and before this one.
        before: a step that saw the first student.
        after: a step that saw the second one.
        taught: the skills that the plans in between got examples of.
    """

    age: int
    before: Step
    after: Step
    taught: Sequence[str]


def _trainings(state: SkillListState) -> Iterator[_Training]:
    """The trainings so far, the latest first."""
    plans = (*state.history, _now(state))
    after, age, taught = plans[-1], 0, dict[str, None]()
    for place in reversed(range(len(state.history))):
        step, following = plans[place], plans[place + 1]
        if following.agent_round is None:  # it sees another student
            after, age, taught = following, len(state.history) - 1 - place, {}
        taught |= dict.fromkeys(_taught(step, following))
        # What the plan that is being made sees has changed by nothing of its own iteration.
        if step.agent_round is None and after.agent_round is None:
            yield _Training(age=age, before=step, after=after, taught=tuple(taught))


def _now(state: SkillListState) -> Step:
    """What is seen now, as the step that is being made."""
    accuracies = {skill: score.accuracy for skill, score in (state.scores or {}).items()}
    short = {}
    for skill, given in (state.yields or {}).items():
        short[skill] = given.requested - given.accepted
    return Step(
        allocation={},
        reasons={},
        scores=accuracies,
        shortfall=short,
        agent_round=state.agent_round,
    )


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
