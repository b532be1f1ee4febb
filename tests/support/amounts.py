"""Examples and yields in given amounts."""

from __future__ import annotations

from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Yield


def examples(*skills: str) -> list[Example]:
    """Examples in the order of their requests, numbered."""
    found = []
    for number, skill in enumerate(skills):
        item = Item(id=str(number), input="", target="", group=skill, cluster="")
        found.append(Example.of(item, skill))
    return found


def given(**accepted: int) -> dict[str, Yield]:
    """Yields of requests for nine, by skill."""
    return {skill: Yield(requested=9, accepted=count) for skill, count in accepted.items()}
