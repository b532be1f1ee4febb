"""A bandit over skills: Thompson sampling with Gaussian rewards."""

from __future__ import annotations

from math import sqrt

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.changes import Change, trials
from dataenvgym_spec.gym.policies.shares import equally, unseen
from dataenvgym_spec.gym.tools import Tools


class Thompson:
    """Draws a mean change of each skill that is measured, and teaches those that it is largest for.

    Thompson sampling with Gaussian priors (Agrawal and Goyal, "Further Optimal Regret Bounds for
    Thompson Sampling", AISTATS 2013), of several arms at once (Komiyama et al., ICML 2015). An
    accuracy of n items has a variance of at most 1/4n, and a change one of at most 1/2n: changes
    d of n items, discounted to n' = n * discount**age, and a prior worth m items give a mean of
    sum(n' * d) / (m + sum(n')) and a variance of 1 / 2(m + sum(n')). A pick that no example came of
    counts as one that changed nothing.
    """

    def __init__(self, *, arms_per_step: int, discount: float, prior_items: float) -> None:
        self.arms_per_step, self.discount = arms_per_step, discount
        self.prior_items = prior_items

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples equally among the skills that are picked."""
        rewards = trials(state)
        if not rewards:
            return unseen(state, budget)
        rng, drawn, reasons = tools.random(), {}, {}
        for skill in sorted(rewards):
            mean, deviation = self._posterior(rewards[skill])
            drawn[skill] = rng.gauss(mean, deviation)
            belief = f"{mean:+.4f} with a deviation of {deviation:.4f}"
            reasons[skill] = f"drew a change of {drawn[skill]:+.4f}: {belief}"
        picked = sorted(drawn, key=lambda skill: -drawn[skill])[: self.arms_per_step]
        return equally({skill: reasons[skill] for skill in picked}, budget)

    def _posterior(self, rewards: tuple[Change, ...]) -> tuple[float, float]:
        """The mean and the standard deviation of a skill's mean change.

        >>> policy = Thompson(arms_per_step=1, discount=0.5, prior_items=40)
        >>> policy._posterior((Change(age=1, change=0.4, items=20),))
        (0.08, 0.1)
        """
        items, total = self.prior_items, 0.0
        for change in rewards:
            weight = change.items * self.discount**change.age
            items += weight
            total += weight * change.change
        return total / items, sqrt(1 / (2 * items))
