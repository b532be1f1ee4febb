"""A proposer of what stands in the spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.gym.proposers.protocol import Wanted, alike
from dataenvgym_spec.gym.tasks.protocol import SourceWithVariants
from dataenvgym_spec.gym.tools import Tools


class Listed:
    """Hands out the subskills of each skill in the order of its list, none of them twice.

    Raises:
        StageError: the source that it is about has no variant of a name, whenever that would be
            asked for, or no group of a skill's name.
    """

    def __init__(
        self, *, lists: Mapping[str, Sequence[str]], source: SourceWithVariants | None = None
    ) -> None:
        self.lists, self.source = lists, source
        if source is not None:
            for skill in lists:
                self._check(skill, source)

    def propose(self, wanted: Sequence[Wanted], tools: Tools) -> dict[str, list[str]]:
        """The next names of each list; fewer where it ends, and none where there is none.

        >>> listed = Listed(lists={"sum": ["carrying", "zeros", "negatives"]})
        >>> listed.propose([Wanted(skill="sum", count=5, present=("zeros",))], Tools(seed=0))
        {'sum': ['carrying', 'negatives']}
        """
        proposed = {}
        for skill in wanted:
            names = self.lists.get(skill.skill, ())
            proposed[skill.skill] = fresh(names, skill)
        return proposed

    def _check(self, skill: str, source: SourceWithVariants) -> None:
        groups = source.groups()
        if skill not in groups:
            message = f"'lists.{skill}' of the proposer is of no group of the source"
            raise StageError(message, help=suggest(skill, groups))
        known = tuple(source.variants(skill))
        for place, name in enumerate(self.lists[skill]):
            if name not in known:
                message = f"'lists.{skill}[{place}]' of the proposer is '{name}'"
                reason = f"and the source has no such variant of '{skill}'"
                raise StageError(f"{message}, {reason}", help=suggest(name, known))


def fresh(names: Iterable[str], wanted: Wanted) -> list[str]:
    """The first names that a skill does not have."""
    present = {alike(name) for name in wanted.present}
    new: list[str] = []
    for name in names:
        if len(new) == wanted.count:
            break
        if alike(name) not in present:
            new.append(name)
    return new
