"""What a student learned, held against the untaught student and against a control, in each run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.evidence.statistics import Estimate, paired
from dataenvgym_spec.results.notebook import Notebook
from tests.support.repositories import ROOT, new_repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """One run of an arm, on the sealed test.

    Attributes:
        accuracy: of the untaught student, the taught one and the control, each in [0, 1].
        over_base: the paired difference from the untaught student, with its 95 % interval.
        over_control: the one from the control's last student.
    """

    accuracy: tuple[float, float, float]
    over_base: Estimate
    over_control: Estimate

    @property
    def shown(self) -> bool:
        """Whether both intervals lie above zero."""
        return min(self.over_base.low, self.over_control.low) > 0


def learned(results: Notebook, arm: str, control: str) -> dict[int, Learned]:
    """By run seed, of the last student of an arm."""
    runs = {(run.arm, run.seed): run for run in results.runs}
    found = {}
    for seed in results.index.seeds:
        base = runs[arm, seed].sealed("base")
        taught, other = (runs[name, seed].sealed("last") for name in (arm, control))
        assert len(base) == len(taught) == len(other) > 0
        clusters = {row.id: row.cluster or row.id for row in base}
        found[seed] = Learned(
            accuracy=(share(base), share(taught), share(other)),
            over_base=paired(right(taught), right(base), clusters).difference,
            over_control=paired(right(taught), right(other), clusters).difference,
        )
    return found


def share(rows: list[Result]) -> float:
    """Of answers, those that are right."""
    return sum(row.correct for row in rows) / len(rows)


def right(rows: list[Result]) -> dict[str, bool]:
    """Whether each item was answered rightly."""
    return {row.id: row.correct for row in rows}


def with_library(folder: Path) -> Path:
    """A repository with the specs that are shipped."""
    repo = new_repo(folder)
    shutil.rmtree(repo / "specs")
    shutil.copytree(ROOT / "specs", repo / "specs")
    return repo
