"""Items of the pool that a request names. Not a component itself."""

from __future__ import annotations

from collections.abc import Mapping

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request


def named_items(request: Request, pool: Mapping[str, Item]) -> list[Item]:
    """The items that a request is to be met with, in its order; none if it names none.

    What a prompt would show of the student's errors names none: those are items of feedback.

    Args:
        request: what is asked for.
        pool: the items of the pool, by id.

    Raises:
        StageError: it names one that the pool does not have. Others in its place would be a random
            choice under the name of a policy.
    """
    items = []
    for like in request.like:
        if like.id is None:
            continue
        if like.id not in pool:
            message = f"'{request.id}' asks for the item '{like.id}', which the pool does not have"
            raise StageError(message, help="choose among the items of the pool, by their ids")
        items.append(pool[like.id])
    return items
