"""Which groups of a source a request is met from. Not a component itself."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import TASK, Request


def groups_for(request: Request, tools: Tools, groups: Sequence[str]) -> list[str]:
    """The groups that examples of a request are of; none if nothing tells.

    That is the group that its skill names; else those of the errors and items that a prompt for it
    would show, as often as they are shown. A request about the task as a whole that shows nothing
    is about all of them.

    >>> groups_for(Request(id="1", count=1, skill="gcd"), Tools(seed=0), ["gcd", "sum"])
    ['gcd']
    >>> groups_for(Request(id="1", count=1, skill=TASK), Tools(seed=0), ["gcd", "sum"])
    ['gcd', 'sum']
    """
    if request.skill in groups:
        return [request.skill]
    shown = [error.group for error in tools.shown(request)]
    shown += [like.group for like in request.like]
    named = [group for group in shown if group is not None and group in groups]
    if named or request.skill != TASK:
        return named
    return list(groups)
