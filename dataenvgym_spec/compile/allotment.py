"""Which seed allots the items of local files to splits, and how many each split can have.

A split owns a share of the hash space, and so a random number of clusters. Where the seed of the
spec gives a split less than it asks for, seeds that are derived from it are tried in order, and the
first that gives every split enough is taken: a draw fails for every seed or for none. What is in
the items plays no part in the choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.items import Form
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.holdings import Fields, Holding
from dataenvgym_spec.resolve.lanes import Lanes, lanes

MOST_TRIED: Final = 1000
HASHES: Final = 100_000
"""Hashes that are worked out for a search at most; a thousand take 7 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What splits ask of one file.

    Attributes:
        path: of the file, relative to the repository.
        holding: its items.
        fields: its columns.
        form: what of a question does not count.
        lanes: of the splits, by role.
        draws: of the splits, by role.
    """

    path: str
    holding: Holding
    fields: Fields
    form: Form
    lanes: Lanes = field(default_factory=dict)
    draws: dict[str, Draw] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a split asks for, and what it can have.

    Attributes:
        path: of the file that it draws from.
        draw: what it asks for.
        counts: the items in its lane, by group.
    """

    path: str
    draw: Draw
    counts: Mapping[str, int]

    @property
    def missing(self) -> tuple[str, ...]:
        """The groups that have too few items; without groups, `all` of them."""
        if self.draw.per_group is None:
            return () if self.possible >= (self.draw.items or 0) else ("all",)
        wanted = self.draw.per_group
        return tuple(group for group, count in self.counts.items() if count < wanted)

    @property
    def possible(self) -> int:
        """The largest amount that can be asked for, in the way in which it is."""
        if self.draw.per_group is None:
            return sum(self.counts.values())
        return min(self.counts.values(), default=0)


Shares = dict[str, Share]
"""By role, of the splits that draw a number of items from a file that is here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """How the items of local files are allotted.

    Attributes:
        seed: that allots them.
        shares: what each split can have by it.
        own: what each could have by the seed of the spec.
        tried: how many other seeds were tried.
    """

    seed: int
    shares: Shares
    own: Shares
    tried: int = 0


def allotment(arm: Arm) -> Allotment:
    """The allotment by the arm's own seed, or by the first derived one that is enough for all."""
    seed, asked = arm.experiment.seeds.splits, _asked(arm)
    own = _shares(asked, seed)
    if not short(own):
        return Allotment(seed=seed, shares=own, own=own)
    tries = _tries(asked, seed)
    for number in range(1, tries + 1):
        other = seed_from("allotment", seed, number)
        shares = _shares(asked, other)
        if not short(shares):
            return Allotment(seed=other, shares=shares, own=own, tried=number)
    return Allotment(seed=seed, shares=own, own=own, tried=tries)


def short(shares: Shares) -> Shares:
    """Those that ask for more than they can have."""
    return {role: share for role, share in shares.items() if share.missing}


def in_words(shares: Shares) -> list[str]:
    """What splits take of what they can have, a line a file."""
    files: dict[str, list[str]] = {}
    for role, share in shares.items():
        wanted, each = share.draw.items, ""
        if share.draw.per_group is not None:
            wanted, each = share.draw.per_group, " a group"
        taken = f"'{role}' takes {wanted} of {share.possible}{each}"
        files.setdefault(share.path, []).append(taken)
    return [f"of the items of '{path}' in its share, {', '.join(files[path])}" for path in files]


def _tries(asked: Iterable[Asked], seed: int) -> int:
    clusters = 1
    for one in asked:
        within = one.holding.within(one.fields, one.lanes, seed, one.form)
        clusters = max(clusters, 0 if within is None else within.clusters)
    return min(MOST_TRIED, HASHES // clusters)


def _shares(asked: Iterable[Asked], seed: int) -> Shares:
    shares = {}
    for one in asked:
        within = one.holding.within(one.fields, one.lanes, seed, one.form)
        if within is None:
            continue
        for role, draw in one.draws.items():
            shares[role] = Share(path=one.path, draw=draw, counts=within.counts[role])
    return shares


def _asked(arm: Arm) -> list[Asked]:
    """What is asked of the files here: of each way to read one, by all splits at once."""
    splits, owned = arm.experiment.task.splits.drawn(), lanes(arm)
    form = definition("task", arm.experiment.task.kind).ignores
    found: dict[str, Asked] = {}
    for role, split in splits.items():
        if split.same_as is not None or isinstance(split.draw, str):
            continue
        source = supply(arm, split.from_)
        if source is None or source.file is None or source.file.holding is None:
            continue
        fields = {held: column.name for held, column in source.columns.items()}
        if not {"input", "target"} <= fields.keys():
            continue
        path, holding = source.file.path, source.file.holding
        new = Asked(path=path, holding=holding, fields=fields, form=form)
        one = found.setdefault(json.dumps([path, fields], sort_keys=True), new)
        one.lanes[role], one.draws[role] = owned[role], split.draw
    return list(found.values())
