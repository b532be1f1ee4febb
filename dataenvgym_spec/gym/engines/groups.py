"""Which groups of a source a request is met from. Not a component itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import TASK, Request

MOST: Final = 20
"""Turns that the groups of a skill share, about: each gets one at least."""


def groups_for(request: Request, tools: Tools, groups: Sequence[str]) -> list[str]:
    """The groups that examples of a request are of; none if nothing tells.

    That is the group that its skill names; else those of the errors and items that a prompt for it
    would show, as often as they are shown; else those of the items that its skill was made of, in
    proportion. A request about the task as a whole that shows nothing is about all of them.

    >>> groups_for(Request(id="1", count=1, skill="gcd"), Tools(seed=0), ["gcd", "sum"])
    ['gcd']
    >>> groups_for(Request(id="1", count=1, skill=TASK), Tools(seed=0), ["gcd", "sum"])
    ['gcd', 'sum']
    >>> made_of = {"adding": {"sum": 2, "gcd": 1}}
    >>> tools = Tools(seed=0, groups=made_of)
    >>> groups_for(Request(id="1", count=1, skill="adding"), tools, ["gcd", "sum"])
    ['gcd', 'sum', 'sum']

    Raises:
        StageError: the request is for a subskill: a group holds examples of all of its skill.
    """
    if request.subskill is not None:
        message = f"this engine makes no examples of '{request.subskill}', a subskill"
        raise StageError(message, help="name an engine that makes examples of subskills")
    if request.skill in groups:
        return [request.skill]
    shown = [error.group for error in tools.shown(request)]
    shown += [like.group for like in request.like]
    named = [group for group in shown if group is not None and group in groups]
    if not named:
        named = _shared(tools.groups.get(request.skill, {}), groups)
    if named or request.skill != TASK:
        return named
    return list(groups)


def _shared(counts: Mapping[str, int], groups: Sequence[str]) -> list[str]:
    """Groups of a source as often as some items are in them, of many items in proportion."""
    held = {group: count for group, count in sorted(counts.items()) if group in groups}
    scale = min(1.0, MOST / sum(held.values())) if held else 1.0
    turns: list[str] = []
    for group, count in held.items():
        turns += [group] * max(1, round(count * scale))
    return turns
