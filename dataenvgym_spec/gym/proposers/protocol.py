"""What a proposer is: it names new subskills of skills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dataenvgym_spec.gym.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """New subskills that a skill is to get.

    Attributes:
        skill: its name.
        count: how many.
        present: the subskills that it has, in order.
    """

    skill: str
    count: int
    present: tuple[str, ...] = ()


class Proposer(Protocol):
    """Names new subskills. An environment holds one in an option (`"x-slot": "proposer"`)."""

    def propose(self, wanted: Sequence[Wanted], tools: Tools) -> Mapping[str, Sequence[str]]:
        """Names by skill, the first ones first; fewer than are wanted where there are no more.

        More are not used, nor are empty ones or those that a skill has; see `alike`. Where such
        are among them it is asked again for what is missing, a bounded number of times.

        Args:
            wanted: what is asked for.
            tools: a seed, another one each time, and what else it may use.

        Raises:
            StageError: what it proposes from cannot be used.
        """


def tidy(name: str) -> str:
    r"""A name on one line, with single spaces.

    Examples:
        >>> tidy("carrying  over\n a digit ")
        'carrying over a digit'
    """
    return " ".join(name.split())


def alike(name: str) -> str:
    """What two names have in common that are no two subskills: case and spaces do not count.

    Examples:
        >>> alike("Word problems") == alike("wordproblems ")
        True
    """
    return "".join(name.casefold().split())
