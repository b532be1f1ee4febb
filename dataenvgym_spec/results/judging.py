"""What became of answers that could not be judged, of wrong gold answers, and of skipped rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import StageResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What a report says of judging.

    Attributes:
        wrong_gold: how many items were left out of each draw, by its label.
        unreadable: how many answers could not be judged, by cause: an exception or a limit.
        skipped: how many rows of its source gave a draw no item, by its label and by reason.
    """

    wrong_gold: tuple[tuple[str, int], ...]
    unreadable: tuple[tuple[str, int], ...]
    skipped: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()


def judging(results: Results) -> Judging:
    """Sums over the stages that are done."""
    wrong_gold: list[tuple[str, int]] = []
    skipped: list[tuple[str, tuple[tuple[str, int], ...]]] = []
    unreadable: Counter[str] = Counter()
    for stage in results.stages:
        log = stage.log
        if log is None:
            continue
        if log.wrong_gold:
            wrong_gold.append((_whose(results, stage), log.wrong_gold))
        if log.skipped:
            skipped.append((_whose(results, stage), tuple(sorted(log.skipped.items()))))
        unreadable.update(log.unreadable or {})
    causes = tuple(sorted(unreadable.items()))
    return Judging(wrong_gold=tuple(wrong_gold), unreadable=causes, skipped=tuple(skipped))


def _whose(results: Results, stage: StageResult) -> str:
    """What a draw is called: with its arm unless all arms share it."""
    shared = {use.arm for use in stage.uses} == set(results.index.arms)
    return stage.work if shared else stage.label()
