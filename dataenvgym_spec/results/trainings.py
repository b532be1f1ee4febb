"""How each training went: what its curve says of its beginning and of its end."""

from __future__ import annotations

from dataclasses import dataclass

from dataenvgym_spec.records.logs import LossPoint
from dataenvgym_spec.results.experiment import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The training of an iteration of a run.

    Attributes:
        curve: the points of its log, in the order of steps; some at least.
        pairs: of a better and a worse answer that it learned, where it learns from pairs.
        sampled: answers of the student that were judged, where it learns from these.
    """

    arm: str
    seed: int
    iteration: int
    curve: tuple[LossPoint, ...]
    pairs: int | None = None
    sampled: int | None = None

    @property
    def rewarded(self) -> tuple[LossPoint, ...]:
        """The points that say how much reward there was."""
        return tuple(point for point in self.curve if point.reward is not None)


def trainings(results: Results) -> tuple[Training, ...]:
    """The trainings of all runs that have a curve."""
    found = []
    for run in results.runs:
        for turn in run.iterations[1:]:
            stage = turn.training
            log = stage.log if stage is not None else None
            curve = tuple(stage.curve()) if stage is not None else ()
            if not curve:
                continue
            one = Training(
                arm=run.arm,
                seed=run.seed,
                iteration=turn.number,
                curve=curve,
                pairs=None if log is None else log.pairs,
                sampled=None if log is None else log.sampled,
            )
            found.append(one)
    return tuple(found)
