"""Groups labels to skills, whatever their number: in parts, and then groups of groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.gym.skills.wording import entries
from dataenvgym_spec.gym.teachers.protocol import Reply

LEVELS: Final = 8
"""How often groups are grouped again."""
LONGEST_NAME: Final = 80
LONGEST_DESCRIPTION: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A skill in the making: its name, what it covers, and the labels that belong to it."""

    name: str
    description: str = ""
    labels: tuple[str, ...] = ()


Answer = Callable[[Sequence[Sequence[Group]], int], Mapping[int, Reply]]
"""Asks a teacher to group each part, to so many groups at most; gives the replies by number."""


def tidy(text: Any, longest: int = LONGEST_NAME) -> str:
    """A name in one line.

    >>> tidy("  Long   division ")
    'Long division'
    """
    return re.sub(r"\s+", " ", str(text)).strip()[:longest].strip()


def grouped(
    labels: Mapping[str, int], answer: Answer, *, most: int, part: int
) -> tuple[Group, ...]:
    """The skills that labels belong to, those with most items first.

    Args:
        labels: how many items have each label.
        answer: asks a teacher.
        most: how many skills there are at most; the labels of others belong to none.
        part: how many labels one prompt holds.
    """
    groups = [Group(name=label, labels=(label,)) for label in sorted(labels)]
    for _ in range(LEVELS):
        parts = [groups[at : at + part] for at in range(0, len(groups), part)]
        is_last = len(parts) == 1
        # Of a part more groups may stay than of the whole, but always fewer than it has.
        wanted = most if is_last else max(2, part // 4)
        replies = answer(parts, wanted)
        made = _merged(_regrouped(mine, replies.get(number)) for number, mine in enumerate(parts))
        is_stuck = len(made) >= len(groups)
        groups = made
        if is_stuck or (is_last and len(groups) <= most):
            break
    sizes = {group.name: sum(labels[label] for label in group.labels) for group in groups}
    ranked = sorted(groups, key=lambda group: (-sizes[group.name], group.name))
    return tuple(ranked[:most])


def _regrouped(part: Sequence[Group], reply: Reply | None) -> list[Group]:
    """The groups of a part; the part as it was where the answer cannot be used."""
    if reply is None:
        return list(part)
    found, placed = [], set[int]()
    for entry in entries(reply, "skills"):
        name, members = tidy(entry.get("name", "")), entry.get("members")
        if not name or not isinstance(members, list):
            continue
        numbers = [at for at in members if isinstance(at, int) and 1 <= at <= len(part)]
        own = [at for at in dict.fromkeys(numbers) if at not in placed]
        placed.update(own)
        if own:
            labels = tuple(label for at in own for label in part[at - 1].labels)
            description = tidy(entry.get("description", ""), LONGEST_DESCRIPTION)
            found.append(Group(name=name, description=description, labels=labels))
    return found or list(part)


def _merged(parts: Any) -> list[Group]:
    """Groups of several parts, those of one name together."""
    found: dict[str, Group] = {}
    for group in (group for part in parts for group in part):
        key = group.name.casefold()
        first = found.get(key, Group(name=group.name, description=group.description))
        labels = tuple(dict.fromkeys((*first.labels, *group.labels)))
        found[key] = Group(name=first.name, description=first.description, labels=labels)
    return [found[key] for key in sorted(found)]
