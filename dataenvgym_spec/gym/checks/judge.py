"""Judges candidates by all checks, in the order of their requests, up to the planned amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.checks.protocol import Check, Sight
from dataenvgym_spec.gym.checks.taken import Taken
from dataenvgym_spec.records.examples import Example, Notes, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A check at work.

    Attributes:
        name: its kind.
        action: `reject`, or `record`: an objection is noted and the example accepted.
        reads: what it is declared to read besides candidates.
        check: its instance.
    """

    name: str
    action: str
    reads: str | None
    check: Check


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What became of candidates.

    Attributes:
        accepted: in the order of their requests, with what checks recorded of them.
        rejected: each with the check that objected, and why.
        tally: by skill, how many were accepted, surplus, or rejected by each check.
    """

    accepted: list[Example] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    tally: dict[str, Counter[str]] = field(default_factory=dict)

    def counts(self) -> dict[str, dict[str, int]]:
        """The tally in one order."""
        return counts(self.tally)


def counts(tally: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """A tally in one order."""
    return {skill: dict(sorted(count.items())) for skill, count in sorted(tally.items())}


def judge(
    candidates: Iterable[Example],
    quota: Mapping[str, int],
    checks: Sequence[Judged],
    sight: Sight,
) -> Verdict:
    """Splits candidates into accepted and rejected ones, and counts them; see `judging`."""
    verdict = Verdict()
    for example in judging(list(candidates), quota, checks, sight, verdict.tally):
        if isinstance(example, Rejected):
            verdict.rejected.append(example)
        else:
            verdict.accepted.append(example)
    return verdict


def judging(
    candidates: Iterable[Example],
    quota: Mapping[str, int],
    checks: Sequence[Judged],
    sight: Sight,
    tally: dict[str, Counter[str]],
) -> Iterator[Example | Rejected]:
    """Judges candidates one after the other: there may be more than can be held in memory.

    A candidate beyond the quota of its request is `surplus`: it is not judged. A check sees what it
    is declared to read and nothing else, and whatever it does to what it is handed changes nothing:
    it may only remove.

    Args:
        candidates: in the order of their requests. They are gone through once more before, where a
            check wants to know of all that are coming.
        quota: how many each request may have.
        checks: what judges.
        sight: what they may look at.
        tally: is filled; by skill, how many were accepted, surplus, or rejected by each check.

    Yields:
        Each accepted one with what was recorded of it, and each rejected one with the reason.
    """
    for item in checks:
        if hasattr(item.check, "coming"):
            item.check.coming([_copied(example) for example in candidates], dict(quota))
    left = dict(quota)
    taken = Taken(sight.accepted)
    # A view that follows it and cannot be written to.
    seen = replace(sight, accepted=MappingProxyType(taken))
    sights = {item.name: seen.shown_to(item.reads) for item in checks}
    for example in candidates:
        count = tally.setdefault(example.skill, Counter())
        if left.get(example.asked_by, 0) <= 0:
            count["surplus"] += 1
            continue
        rejection, notes = _objections(example, checks, sights)
        if rejection is not None:
            count[rejection.check] += 1
            yield rejection
            continue
        taken.add(example.id, example.input)
        left[example.asked_by] -= 1
        count["accepted"] += 1
        yield msgspec.structs.replace(example, notes=notes) if notes else example


def _objections(
    example: Example, checks: Sequence[Judged], sights: Mapping[str, Sight]
) -> tuple[Rejected | None, dict[str, str]]:
    """The first objection that rejects, and those that are only recorded before it."""
    notes: dict[str, str] = {}
    for item in checks:
        objections = item.check.objections((_copied(example),), sights[item.name])
        if len(objections) != 1:
            raise StageError(
                f"the check '{item.name}' returned {len(objections)} answers for one example",
                help="it must return one an example, in their order: a reason, or None",
            )
        objection = objections[0]
        if objection and item.action == "reject":
            return Rejected.by(example, item.name, objection), notes
        if objection:
            notes[item.name] = objection
    return None, notes


def _copied(example: Example) -> Example:
    """An example of a check's own. What of it nobody can change is shared: that takes a tenth."""
    own: dict[str, Any] = {}
    for name in _changeable():
        value = getattr(example, name)
        if isinstance(value, dict | tuple):
            own[name] = deepcopy(value) if value else type(value)()
    return msgspec.structs.replace(example, **own)


@cache
def _changeable() -> tuple[str, ...]:
    """The fields of an example that are no texts."""
    fields = msgspec.structs.fields(Example)
    return tuple(one.name for one in fields if one.type not in (str, str | None))


def parted(example: Example, names: Collection[str]) -> tuple[Example, Notes | None]:
    """An example without the notes of some checks, and those notes.

    What hashes of a split say must not go with an example.
    """
    notes = example.notes or {}
    apart = {name: note for name, note in notes.items() if name in names}
    if not apart:
        return example, None
    shown = {name: note for name, note in notes.items() if name not in names}
    kept = msgspec.structs.replace(example, notes=shown or None)
    return kept, Notes(id=example.id, skill=example.skill, notes=apart)
