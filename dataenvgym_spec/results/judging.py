"""What became of answers that could not be judged, and of gold answers that score wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dataenvgym_spec.results.experiment import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What a report says of judging.

    Attributes:
        wrong_gold: how many items were left out of each draw, by its label.
        unreadable: how many answers could not be judged, by cause: an exception or a limit.
        lesser: whether some were judged without bubblewrap.
    """

    wrong_gold: tuple[tuple[str, int], ...]
    unreadable: tuple[tuple[str, int], ...]
    lesser: bool


def judging(results: Results) -> Judging:
    """Sums over the stages that are done."""
    wrong_gold: list[tuple[str, int]] = []
    unreadable: Counter[str] = Counter()
    lesser = False
    for stage in results.stages:
        log = stage.log
        if log is None:
            continue
        if log.wrong_gold:
            wrong_gold.append((stage.label(), log.wrong_gold))
        unreadable.update(log.unreadable or {})
        lesser = lesser or log.sandbox == "process"
    causes = tuple(sorted(unreadable.items()))
    return Judging(wrong_gold=tuple(wrong_gold), unreadable=causes, lesser=lesser)
