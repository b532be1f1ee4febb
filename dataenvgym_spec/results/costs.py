"""What teaching has cost up to each student: accepted examples, tokens and seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.results.experiment import Results, Run, StageResult

SETUP: Final = frozenset({"data", "reserve", "skills", "student"})
"""Kinds that are there before the teaching begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A sum over stages: accepted examples, tokens trained on or generated, seconds of work."""

    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The stages of an experiment and the logs of those that are done, each read once."""

    stages: Mapping[str, StageResult]
    logs: Mapping[str, dict[str, Any]]

    def started(self, stage: StageResult) -> int | None:
        """When a stage began, in ms since the epoch; None if it is not done."""
        log = self.logs.get(stage.key)
        return round(log["started"] * 1000) if log else None

    def ended(self, stage: StageResult) -> int | None:
        """When a stage ended, in ms since the epoch; None if it is not done."""
        log = self.logs.get(stage.key)
        return round((log["started"] + log["seconds"]["total"]) * 1000) if log else None


def ledger(results: Results) -> Ledger:
    """Reads the logs of an experiment."""
    return Ledger(
        stages={stage.key: stage for stage in results.stages},
        logs={stage.key: stage.log for stage in results.stages if stage.done},
    )


def costs(run: Run, book: Ledger) -> dict[int, Cost]:
    """What it took to get to the student of each iteration, for those that can be told; the base costs nothing.

    Counted is all that the training stages so far depend on: plans, generation, checks, training, and the evaluations that an
    agent observes. So an arm that observes nothing does not pay for feedback, and nobody pays for selection. An iteration that
    was passed through costs nothing and has no student of its own.
    """
    seen: set[str] = set()
    out = {0: Cost()}
    for turn in run.iterations[1 : 1 + run.reached]:
        trained = turn.of("train")
        for stage in trained:
            _add_upstream(stage.key, book, seen)
        spent = sorted(key for key in seen if book.stages[key].kind not in SETUP)
        if trained and all(key in book.logs for key in spent):
            out[turn.number] = _sum(spent, book)
    return out


def _add_upstream(key: str, book: Ledger, seen: set[str]) -> None:
    waiting = [key]
    while waiting:
        key = waiting.pop()
        if key not in seen and key in book.stages:
            seen.add(key)
            stage = book.stages[key]
            waiting.extend(
                other for other in stage.inputs if not _for_a_stop(stage, book.stages.get(other))
            )


def _for_a_stop(stage: StageResult, other: StageResult | None) -> bool:
    """Whether a stage reads another only in case the loop has stopped: a gate, and for a training the student before it."""
    return other is not None and (
        other.kind == "gate" or (stage.kind, other.kind) == ("train", "train")
    )


def _sum(keys: list[str], book: Ledger) -> Cost:
    logs = [book.logs[key] for key in keys]
    return Cost(
        examples=sum(
            book.logs[key].get("accepted", 0) for key in keys if book.stages[key].kind == "check"
        ),
        tokens=sum(
            log.get("tokens", {}).get(kind, 0) for log in logs for kind in ("trained", "generated")
        ),
        seconds=round(sum(log["seconds"]["total"] for log in logs), 3),
    )
