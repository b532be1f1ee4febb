"""What computing stages again will take, as far as it is known before: what they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.cli.common import plural, sums_of
from dataenvgym_spec.core.text import duration_text
from dataenvgym_spec.results.examiners import examiner
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import StageResult

TRAINED: Final = ("student", "train")
"""The kinds of stages that make a student, which is asked if it comes out otherwise."""
BOTH: Final = 2
"""Students that answer for one training at most: the new one, and the one in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What is to be computed.

    Attributes:
        kinds: how many stages there are, by kind.
        seconds: that they took when they were made.
        splits: what students are asked that come out otherwise, by how many trainings have it.
        asked: the seconds that it took to ask the students of all trainings once.
    """

    kinds: Counter[str]
    seconds: float
    splits: Counter[str]
    asked: float


def foreseen(results: Results, chosen: Sequence[StageResult]) -> Foreseen:
    """What it comes to, by the logs of the stages and of those that scored their students."""
    stages = {stage.path.name: stage for stage in results.stages}
    splits: Counter[str] = Counter()
    asked = 0.0
    for stage in chosen:
        if stage.kind in TRAINED:
            found = examiner(results.layout, results.index, stage.key)
            if found is not None:
                directory, split = found
                splits[split] += 1
                asked += _took(stages[directory])
    return Foreseen(
        kinds=Counter(stage.kind for stage in chosen),
        seconds=sum(map(_took, chosen)),
        splits=splits,
        asked=asked,
    )


def foreseen_lines(before: Foreseen) -> Iterator[str]:
    """The same in words."""
    kinds = sums_of(before.kinds, before.kinds)
    stages = plural(before.kinds.total(), "stage")
    yield f"{stages} to compute again ({kinds}): they took {duration_text(before.seconds)}"
    trainings = before.splits.total()
    if trainings:
        most = plural(BOTH * trainings, "evaluation")
        took = duration_text(BOTH * before.asked)
        splits = " or ".join(before.splits)
        yield (
            f"a student that comes out otherwise answers {splits} beside the one in the store: "
            f"at most {most}, by what they took {took}"
        )


def foreseen_record(before: Foreseen) -> dict[str, Any]:
    """The same for programs."""
    return {
        "stages": dict(before.kinds),
        "seconds": round(before.seconds, 1),
        "splits": dict(before.splits),
        "most_evaluations": BOTH * before.splits.total(),
        "evaluation_seconds": round(BOTH * before.asked, 1),
    }


def _took(stage: StageResult) -> float:
    log = stage.log
    return 0.0 if log is None else log.seconds.get("total", 0.0)
