"""An engine that makes nothing: it gives the rows of a file, a control of data made on purpose.

Data that were made once, by whoever it was, stand in place of an agent's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path

from msgspec.structs import replace

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.tasks.sources.files import Files
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import WORDS, Form, Item
from dataenvgym_spec.records.plans import Request


class FromFile:
    """Gives rows of a file, in its order or drawn by the seed."""

    def __init__(
        self, *, path: Path, fields: Mapping[str, str], sequence: str, form: Form = WORDS
    ) -> None:
        self.by_seed, self.has_skills = sequence == "seed", "group" in fields
        own = {name: column for name, column in fields.items() if name != "worse"}
        self.source = Files(path=path, fields=own, form=form)
        self.rejected: dict[str, str] = {}
        if "worse" in fields:
            worse = Files(path=path, fields={**own, "target": fields["worse"]}, form=form)
            self.rejected = {item.id: item.target for item in worse.items}

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """All rows of what requests are about, request by request, each row for one of them.

        More than is asked for, since checks may reject some. What the arm has already is left out,
        so that each iteration goes on in the file where the one before ended.
        """
        sharing: dict[tuple[str, ...], list[Request]] = {}
        for request in requests:
            sharing.setdefault(self._groups(request, tools), []).append(request)
        dealt: dict[str, list[Item]] = {}
        for groups, several in sharing.items():
            dealt |= deal(self._rows(groups, tools), several)
        for request in requests:
            for item in dealt[request.id]:
                example = Example.of(item, request)
                yield replace(example, rejected=self.rejected.get(item.id))

    def _groups(self, request: Request, tools: Tools) -> tuple[str, ...]:
        """The skills that rows for a request are of; where rows name none, all rows are."""
        groups = self.source.groups()
        if not self.has_skills:
            return tuple(groups)
        return tuple(sorted(set(groups_for(request, tools, groups))))

    def _rows(self, groups: Sequence[str], tools: Tools) -> list[Item]:
        there = {example.id for example in tools.existing}
        new = (item for item in self.source.items if item.id not in there)
        rows = [item for item in new if item.group in groups]
        if self.by_seed:
            random.Random(seed_from("file", tools.seed, *groups)).shuffle(rows)
        return rows


def deal(rows: Sequence[Item], requests: Sequence[Request]) -> dict[str, list[Item]]:
    """Rows among the requests that are about the same: each its count, and again from the first.

    So the first rows make up what is asked for, whatever requests share it.

    >>> asked = [Request(id="1", count=2, skill="a"), Request(id="2", count=1, skill="b")]
    >>> rows = [Item(id=str(n), input="", target="", group="", cluster="") for n in range(5)]
    >>> {name: [item.id for item in items] for name, items in deal(rows, asked).items()}
    {'1': ['0', '1', '3', '4'], '2': ['2']}
    """
    dealt: dict[str, list[Item]] = {request.id: [] for request in requests}
    turns = [request.id for request in requests for _ in range(request.count)]
    if turns:
        for item, turn in zip(rows, cycle(turns), strict=False):
            dealt[turn].append(item)
    return dealt
