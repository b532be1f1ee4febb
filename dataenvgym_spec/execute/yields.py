"""What became of requests, as far as an agent may see it.

A check that reads splits leaves no trace in it but that fewer are accepted: what it objected to is
in `rejected`, which no plan reads. What a check says that reads a student may be seen, since an arm
that observes nothing has no such check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.records.examples import Rejected
from dataenvgym_spec.records.plans import Request, Yield

MOST: Final = 5
"""Reasons of a check that are told of a request: the most frequent ones."""
Reasons = dict[str, dict[str, int]]


@dataclass(slots=True, kw_only=True)
class Fates:
    """What became of the candidates of a round, by request.

    Attributes:
        candidates: how many there were.
        accepted: how many of them were.
        reasons: why others were rejected, by check; only where they are wanted.
    """

    candidates: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)

    def reject(self, row: Rejected) -> None:
        """Notes why one was rejected."""
        checks = self.reasons.setdefault(row.asked_by, {})
        checks.setdefault(row.check, Counter())[row.reason] += 1


def yields(
    asked: Sequence[Request], before: Mapping[str, Yield], accepted: Mapping[str, int]
) -> dict[str, Yield]:
    """How many examples each request got in this round and those before.

    Args:
        asked: the requests.
        before: of the rounds before.
        accepted: of this round, by request.
    """
    given = {}
    for request in asked:
        had = before[request.id].accepted if request.id in before else 0
        total = had + accepted.get(request.id, 0)
        given[request.id] = Yield(requested=request.count, accepted=total)
    return given


def with_reasons(
    given: Mapping[str, Yield],
    before: Mapping[str, Yield],
    fates: Fates,
    checks: Iterable[Component],
) -> dict[str, Yield]:
    """The same with how many candidates there were, and why checks rejected some.

    Args:
        given: what `yields` says.
        before: of the rounds before.
        fates: of the candidates of this round.
        checks: that judged.
    """
    told = {check.kind for check in checks if not _reads_splits(check)}
    result = {}
    for name, one in given.items():
        earlier = before.get(name)
        reasons: dict[str, Counter[str]] = {}
        for check, counts in ((earlier and earlier.reasons) or {}).items():
            reasons[check] = Counter(counts)
        for check, more in fates.reasons.get(name, {}).items():
            if check in told:
                reasons.setdefault(check, Counter()).update(more)
        result[name] = Yield(
            requested=one.requested,
            accepted=one.accepted,
            candidates=fates.candidates[name] + ((earlier and earlier.candidates) or 0),
            reasons=_most(reasons),
        )
    return result


def _most(reasons: Mapping[str, Counter[str]]) -> Reasons:
    """The most frequent reasons of each check; of equally frequent ones the alphabet decides."""
    shown = {}
    for check, counts in sorted(reasons.items()):
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        shown[check] = dict(ordered[:MOST])
    return shown


def _reads_splits(check: Component) -> bool:
    return any(part.definition.reads == "splits" for part in check.walk())
