"""A policy for skill lists that teaches what the student is weak in."""

from __future__ import annotations

from dataenvgym_spec.gym.policies.protocol import Action, Observation


class Allocate:
    """Shares the amount by error rate, above an even floor; without scores, evenly."""

    def __init__(self, *, power: float, floor: float) -> None:
        self.power, self.floor = power, floor

    def act(self, observation: Observation, amount: int) -> Action:
        """Shares `amount` examples among the skills.

        >>> from dataenvgym_spec.gym.policies.protocol import SkillScore
        >>> weak, good = SkillScore(accuracy=0.0, items=10), SkillScore(accuracy=1.0, items=10)
        >>> Allocate(power=1.0, floor=0.2).act(Observation(skills=("a", "b"), scores={"a": weak, "b": good}), 10).allocation
        {'a': 9, 'b': 1}
        """
        skills = observation.skills
        errors = {skill: self._weight(skill, observation) for skill in skills}
        total = sum(errors.values())
        even = 1 / len(skills)
        weights = {
            skill: self.floor * even + (1 - self.floor) * (errors[skill] / total if total else even)
            for skill in skills
        }
        return Action(
            allocation=share_out(weights, amount),
            reasons={skill: self._reason(skill, observation) for skill in skills},
        )

    def _weight(self, skill: str, observation: Observation) -> float:
        score = (observation.scores or {}).get(skill)
        weight = 1.0 if score is None else (1 - score.accuracy) ** self.power
        given = (observation.yields or {}).get(skill)
        # A family that runs dry gives less than it is asked for; asking for as much again would waste the amount.
        return weight * (given.accepted / given.requested if given and given.requested else 1.0)

    def _reason(self, skill: str, observation: Observation) -> str:
        score = (observation.scores or {}).get(skill)
        given = (observation.yields or {}).get(skill)
        words = [
            f"accuracy {score.accuracy:.2f} on {score.items} hidden items"
            if score
            else "no state observed"
        ]
        if given and given.accepted < given.requested:
            words.append(f"{given.accepted} of {given.requested} requested examples were accepted")
        return "; ".join(words)


def share_out(weights: dict[str, float], amount: int) -> dict[str, int]:
    """Whole numbers in proportion to weights that sum to `amount`, by the largest remainder (Hamilton's method).

    >>> share_out({"a": 1.0, "b": 1.0, "c": 1.0}, 10)
    {'a': 4, 'b': 3, 'c': 3}
    """
    total = sum(weights.values())
    exact = {name: amount * weight / total for name, weight in weights.items()}
    out = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (out[name] - exact[name], name))
    for name in by_remainder[: amount - sum(out.values())]:
        out[name] += 1
    return out
