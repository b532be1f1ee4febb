"""What became of the candidates of an iteration: accepted, surplus, or rejected by a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.records.examples import Example, Notes
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration
from dataenvgym_spec.results.settings import at

NOT_REJECTED: Final = frozenset({"accepted", "surplus"})
"""Fates of candidates that are no rejection by a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """How many candidates had which fate.

    Attributes:
        requested: examples that plans asked for.
        surplus: candidates that came after their skill's amount was full; no check judged them.
        rejected: by check, in the order in which checks judge.
    """

    requested: int
    accepted: int
    surplus: int
    rejected: tuple[tuple[str, int], ...]

    @property
    def judged(self) -> int:
        """Candidates that checks judged."""
        return self.accepted + sum(count for _, count in self.rejected)

    @property
    def candidates(self) -> int:
        """All that were generated."""
        return self.judged + self.surplus

    @property
    def accepted_share(self) -> float:
        """The share of the judged candidates that was accepted."""
        return self.accepted / self.judged if self.judged else 0.0

    def left(self, checks: Sequence[str]) -> tuple[int, ...]:
        """How many candidates are left after each of some checks, in their order.

        >>> fates = Fates(requested=9, accepted=6, surplus=0, rejected=(("a", 3), ("c", 1)))
        >>> fates.left(["a", "b", "c"])
        (7, 7, 6)
        """
        rejected, left, counts = dict(self.rejected), self.judged, []
        for check in checks:
            left -= rejected.get(check, 0)
            counts.append(left)
        return tuple(counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationFates:
    """The fates in one iteration of one arm, summed over its runs.

    Attributes:
        checks: those of the arm that are not off, in the order in which they judge.
        noted: objections to accepted examples that checks only recorded, by check.
    """

    arm: str
    iteration: int
    fates: Fates
    checks: tuple[str, ...] = ()
    noted: tuple[tuple[str, int], ...] = ()


def fates(results: Results) -> tuple[IterationFates, ...]:
    """The fates per arm and iteration, summed over runs; none of an arm without candidates."""
    groups: dict[tuple[str, int], list[Iteration]] = {}
    for run in results.runs:
        for turn in run.iterations[1 : 1 + run.reached]:
            if any(stage.done for stage in turn.of("check")):
                groups.setdefault((run.arm, turn.number), []).append(turn)
    rows = []
    for (arm, number), turns in groups.items():
        mine = fates_of(turns)
        # To find notes, examples have to be read.
        recording = any(action == "record" for _, action in _checks(results, arm))
        noted = _noted(turns) if recording else ()
        said = {check for check, _ in (*mine.rejected, *noted)}
        checks = in_order({*at_work(results, arm), *said})
        row = IterationFates(
            arm=arm, iteration=number, fates=mine, checks=tuple(checks), noted=noted
        )
        rows.append(row)
    return tuple(rows)


def at_work(results: Results, arm: str) -> Iterator[str]:
    """The checks of an arm that are not off, by its settings."""
    return (check for check, action in _checks(results, arm) if action != "off")


def _checks(results: Results, arm: str) -> Iterator[tuple[str, str]]:
    """The checks of an arm and what each does, by its settings."""
    checks = at(results.settings[arm], "agent.checks")
    for check in checks if isinstance(checks, dict) else ():
        yield check, str(at(checks[check], "action"))


def fates_of(turns: Sequence[Iteration]) -> Fates:
    """The fates in some iterations, added up."""
    requested = 0
    counts: Counter[str] = Counter()
    for turn in turns:
        requested += turn.asked
        for by_fate in turn.tally.values():
            counts.update(by_fate)
    rejecting = in_order(fate for fate in counts if fate not in NOT_REJECTED)
    return Fates(
        requested=requested,
        accepted=counts["accepted"],
        surplus=counts["surplus"],
        rejected=tuple((check, counts[check]) for check in rejecting),
    )


def in_order(checks: Iterable[str]) -> list[str]:
    """Checks in the order in which they judge; those that are not installed here come last."""
    known = definitions()["check"]
    ranks = {check: (known[check].order if check in known else float("inf")) for check in checks}
    return sorted(ranks, key=lambda check: (ranks[check], check))


def _noted(turns: Iterable[Iteration]) -> tuple[tuple[str, int], ...]:
    counts: Counter[str] = Counter()
    for turn in turns:
        for stage in turn.of("check"):
            # Few of a million have notes, and only those are parsed.
            for example in stage.each("accepted", "examples.jsonl", Example, _may_have_notes):
                counts.update((example.notes or {}).keys())
            if (stage.port("rejected") / "noted.jsonl").is_file():
                for row in stage.each("rejected", "noted.jsonl", Notes):
                    counts.update(row.notes.keys())
    return tuple((check, counts[check]) for check in in_order(counts))


def _may_have_notes(line: str) -> bool:
    return '"notes"' in line
