"""Judges candidates by all checks, in the order of their requests, up to the planned amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.checks.protocol import Check, Sight
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
        skills = sorted(self.tally.items())
        return {skill: dict(sorted(count.items())) for skill, count in skills}


def judge(
    candidates: Iterable[Example],
    quota: Mapping[str, int],
    checks: Sequence[Judged],
    sight: Sight,
) -> Verdict:
    """Splits candidates into accepted and rejected ones, and counts them by skill.

    A candidate beyond the quota of its request is `surplus`: it is not judged. A check sees what it
    is declared to read and nothing else, and whatever it does to what it is handed changes nothing:
    it may only remove.
    """
    candidates = list(candidates)
    for item in checks:
        if hasattr(item.check, "coming"):
            item.check.coming(deepcopy(candidates), dict(quota))
    left = dict(quota)
    taken = dict(sight.accepted)
    # A view that follows it and cannot be written to.
    seen = replace(sight, accepted=MappingProxyType(taken))
    sights = {item.name: seen.shown_to(item.reads) for item in checks}
    verdict = Verdict()
    for example in candidates:
        count = verdict.tally.setdefault(example.skill, Counter())
        if left.get(example.asked_by, 0) <= 0:
            count["surplus"] += 1
            continue
        rejection, notes = _objections(example, checks, sights)
        if rejection is not None:
            verdict.rejected.append(rejection)
            count[rejection.check] += 1
            continue
        noted = msgspec.structs.replace(example, notes=notes) if notes else example
        verdict.accepted.append(noted)
        taken[example.id] = example.input
        left[example.asked_by] -= 1
        count["accepted"] += 1
    return verdict


def _objections(
    example: Example, checks: Sequence[Judged], sights: Mapping[str, Sight]
) -> tuple[Rejected | None, dict[str, str]]:
    """The first objection that rejects, and those that are only recorded before it."""
    notes: dict[str, str] = {}
    for item in checks:
        objections = item.check.objections((deepcopy(example),), sights[item.name])
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


def set_apart(
    accepted: Sequence[Example], names: Collection[str]
) -> tuple[list[Example], list[Notes]]:
    """Accepted examples without the notes of some checks, and those notes.

    What hashes of a split say must not go with an example.
    """
    kept, hidden = [], []
    for example in accepted:
        notes = example.notes or {}
        apart = {name: note for name, note in notes.items() if name in names}
        if not apart:
            kept.append(example)
            continue
        hidden.append(Notes(id=example.id, skill=example.skill, notes=apart))
        shown = {name: note for name, note in notes.items() if name not in names}
        kept.append(msgspec.structs.replace(example, notes=shown or None))
    return kept, hidden
