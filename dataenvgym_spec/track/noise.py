"""The noise floor in MLflow: in summaries alone, once all copies are there, so that it stays.

What was not measured has no number there, so a tag says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Ledger
from dataenvgym_spec.results.noise import UNKNOWN, beside, noise_floor
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.track.runs import Metric

FLOOR: Final = "noise floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFloor:
    """The noise floor, and when its last copy was done."""

    floor: Floor
    when: int

    @classmethod
    def of(cls, results: Results, ledger: Ledger) -> MeasuredFloor | None:
        """What there is of a noise floor; None without one, or before all of it is there."""
        stages = copied(results)
        when = ledger.all_ended(stages) if stages else None
        floor = noise_floor(results) if when is not None else None
        return None if floor is None or when is None else cls(floor=floor, when=when)

    def metrics(self, arm: str) -> Iterator[Metric]:
        """The deviations of copies, in the summary of the arm whose student they copy."""
        if arm != self.floor.arm:
            return
        sorts = {"reevaluate": self.floor.reevaluate, "retrain": self.floor.retrain}
        for name, spread in sorts.items():
            if spread is not None:
                figures = {"deviation": spread.sd, "low": spread.low, "high": spread.high}
                for figure, value in {**figures, "copies": float(spread.n)}.items():
                    yield Metric(
                        key=f"noise/{name}_{figure}", value=value, step=0, timestamp=self.when
                    )

    def beside(self, answer: Comparison, key: str, when: int) -> Iterator[Metric]:
        """What a contrast stays within by chance alone."""
        width = beside(self.floor, answer.question, answer.weighed)
        if width is not None:
            yield Metric(
                key=f"{key}_noise_floor", value=width, step=0, timestamp=max(when, self.when)
            )

    def tags(self, arm: str) -> dict[str, str]:
        """What was varied, in words; and what was not, for which there is no number."""
        if arm != self.floor.arm:
            return {}
        return {
            "noise varied": ", ".join(self.floor.varied),
            "noise not measured": ", ".join(self.floor.not_measured),
        }


def said(
    results: Results, measured: MeasuredFloor | None, contrasts: Mapping[str, Comparison]
) -> dict[str, str]:
    """As tags, whether there is a noise floor beside the differences of a summary.

    Args:
        results: the experiment.
        measured: the noise floor, once all of it is there.
        contrasts: the answered contrasts of the summary, by what their metrics are called.
    """
    if results.index.noise is None:
        return {FLOOR: UNKNOWN}
    if measured is None:
        return {FLOOR: f"{UNKNOWN} yet"}
    trained = measured.floor.retrain is not None
    tags = {FLOOR: "measured" if trained else "measured of evaluation only"}
    for key, answer in contrasts.items():
        if beside(measured.floor, answer.question, answer.weighed) is None:
            tags[f"{key} noise floor"] = UNKNOWN
    return tags


def copied(results: Results) -> list[StageResult]:
    """The stages of all copies."""
    return [stage for run in results.runs for _, stage in run.copies]
