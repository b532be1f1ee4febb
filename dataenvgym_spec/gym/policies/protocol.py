"""What a policy sees and what it decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillScore:
    """A student's score on one skill, on the hidden part of feedback."""

    accuracy: float
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """What became of the last request for a skill, in examples."""

    requested: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a policy sees. `scores` and `yields` are None where the agent does not observe them."""

    skills: tuple[str, ...]
    scores: dict[str, SkillScore] | None = None
    yields: dict[str, Yield] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Examples to generate for each skill, with reasons in words."""

    allocation: dict[str, int]
    reasons: dict[str, str] = field(default_factory=dict)


class Policy(Protocol):
    """Decides what to generate."""

    def act(self, observation: Observation, amount: int) -> Action:
        """Shares `amount` examples among the skills."""
