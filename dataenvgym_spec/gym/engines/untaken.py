"""Items that no request of an engine has taken. Not a component itself."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.records.items import Item


def untaken(waiting: Iterator[Item], count: int, taken: set[str]) -> list[Item]:
    """The next items that no request has taken; they are taken then.

    Args:
        waiting: items in their order, of which no more are taken off than are looked at.
        count: how many, if there are so many.
        taken: the ids of those that are taken; it is added to.
    """
    items: list[Item] = []
    while len(items) < count:
        item = next(waiting, None)
        if item is None:
            break
        if item.id not in taken:
            taken.add(item.id)
            items.append(item)
    return items
