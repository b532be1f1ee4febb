"""A bandit over skills: the upper confidence bound of a mean that forgets."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, log, sqrt

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.changes import Change, changes, requested
from dataenvgym_spec.gym.policies.shares import equally, unseen
from dataenvgym_spec.gym.tools import Tools


class DiscountedUcb:
    """Teaches the skills with the highest index; an arm is a skill that is measured.

    Discounted UCB of Garivier and Moulines, "On Upper-Confidence Bound Policies for Non-Stationary
    Bandit Problems" (arXiv 0805.3415, ALT 2011). The index of an arm is

        sum(d**age * reward) / sum(d**age)  +  exploration * sqrt(log(n) / N)

    with N the sum of d**age over the plans that asked for the skill, n the sum of N over the arms,
    and d the discount. `exploration` is their 2 B sqrt(xi). Time is counted in plans, each of which
    picks several arms. The reward is the change of the skill's accuracy, shrunk by its items.
    """

    def __init__(
        self, *, arms_per_step: int, discount: float, exploration: float, prior_items: float
    ) -> None:
        self.arms_per_step, self.discount = arms_per_step, discount
        self.exploration, self.prior_items = exploration, prior_items

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples equally among the skills that are picked."""
        rewards, asked = changes(state), requested(state)
        if not rewards:
            return unseen(state, budget)
        arms = sorted(rewards)
        picks = {skill: self._sum(asked[skill]) for skill in arms}
        bonus = self.exploration * sqrt(log(max(1.0, sum(picks.values()))))
        means = {skill: self._mean(rewards[skill]) for skill in arms}
        indices = {}
        for skill, count in picks.items():
            indices[skill] = means[skill] + bonus / sqrt(count) if count else inf
        # The seed decides between equal ones: at first, which skills are tried first.
        tools.random().shuffle(arms)
        picked = sorted(arms, key=lambda skill: -indices[skill])[: self.arms_per_step]
        reasons = dict.fromkeys(picked, "not picked before")
        for skill in picked:
            if picks[skill]:
                known = f"mean change {means[skill]:+.4f}, {picks[skill]:.2f} picks"
                reasons[skill] = f"index {indices[skill]:.4f}: {known}"
        return equally(reasons, budget)

    def _sum(self, ages: Iterable[int]) -> float:
        return sum(self.discount**age for age in ages)

    def _mean(self, rewards: tuple[Change, ...]) -> float:
        """The discounted mean; no reward is known of a skill without a defined change."""
        weight = self._sum(change.age for change in rewards)
        if not weight:
            return 0.0
        total = 0.0
        for change in rewards:
            total += self.discount**change.age * change.shrunk(self.prior_items)
        return total / weight
