"""What came out of the studies that are shipped: the answers that `docs/evidence.md` sums up, and of which keys.

`docs/answers/NAME.json` has them; a slow test writes it anew from a run, if `UPDATE_SNAPSHOTS=1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import msgspec

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.answers import Answers, Sides
from dataenvgym_spec.results.evidence.contrasts import Weighed, weigh
from dataenvgym_spec.results.evidence.correction import holm
from dataenvgym_spec.results.evidence.floor import Floor, Spread
from dataenvgym_spec.results.noise import answers as copies_of
from dataenvgym_spec.results.notebook import Notebook
from tests.support.commands import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """The answers of one study: of each student a `1` for every item that it answered rightly, a `0` for every other.

    Attributes:
        keys: the digest of the keys of all stages.
        clusters: of the sealed items, in the order of their ids: equal numbers, one cluster.
        base: of the untaught student on the sealed items.
        taught: by arm and run seed, of the student that is compared, on the sealed items.
        copied: of the student whose noise was measured, on selection; empty where it was not.
        reevaluate: of its evaluations that were done again.
        retrain: of its trainings that were done again.
    """

    keys: str
    clusters: tuple[int, ...]
    base: str
    taught: Mapping[str, Mapping[str, str]]
    copied: str
    reevaluate: tuple[str, ...]
    retrain: tuple[str, ...]

    @classmethod
    def read(cls, name: str) -> Self:
        """Those of a study, by its name."""
        return msgspec.json.decode(path(name).read_bytes(), type=cls)

    @classmethod
    def of(cls, results: Notebook, student: str = "last") -> Self:
        """Those of a study that has run, and whose contrasts compare the best or the last students."""
        first, runs = results.runs[0], results.runs
        taught: dict[str, dict[str, str]] = {run.arm: {} for run in runs}
        for run in runs:
            taught[run.arm][str(run.seed)] = _marks(run.sealed(student))
        copies: dict[str, list[str]] = {"student": [], "reevaluate": [], "retrain": []}
        for copy, rows in copies_of(results):
            copies[copy.of].append(_marks(rows))
        copied = copies["student"][0] if copies["student"] else ""
        return cls(
            keys=digest_of(stage.key for stage in results.index.stages),
            clusters=_numbered([row.unit for row in _ordered(first.sealed("base"))]),
            base=_marks(first.sealed("base")),
            taught=taught,
            copied=copied,
            reevaluate=tuple(copies["reevaluate"]),
            retrain=tuple(copies["retrain"]),
        )

    def write(self, name: str) -> None:
        """Writes them where `read` finds them."""
        text = json.dumps(asdict(self), sort_keys=True)
        path(name).write_text(text + "\n", encoding="utf-8")

    def weighed(self, arm: str, against: str) -> Weighed:
        """What the last students of two arms say of their difference."""
        mine, others = self.taught[arm], self.taught[against]
        return weigh({int(seed): Sides(first=self._answers(mine[seed]), second=self._answers(others[seed])) for seed in mine})  # fmt: skip

    def corrected(self, contrasts: Sequence[Question]) -> Iterator[tuple[Question, Weighed, float]]:
        """Each contrast with its p value after Holm's correction in its family."""
        for primary in (True, False):
            family = [one for one in contrasts if one.primary is primary]
            weighed = [self.weighed(one.arm, one.against) for one in family]
            yield from zip(
                family, weighed, holm([one.p for one in weighed], len(family)), strict=True
            )

    @property
    def floor(self) -> Floor:
        """What the copies come to."""
        return Floor(
            arm="", seed=0, iteration=0, split="selection", items=len(self.copied), varied=(), not_measured=(),
            reevaluate=self._spread(self.reevaluate), retrain=self._spread(self.retrain),
        )  # fmt: skip

    def _spread(self, copies: Sequence[str]) -> Spread:
        moved = [sum(map(str.__ne__, self.copied, one)) / len(one) for one in copies]
        return Spread(own=share(self.copied), scores=tuple(map(share, copies)), moved=tuple(moved))

    def _answers(self, marks: str) -> Answers:
        names = [f"{number:03d}" for number in range(len(marks))]
        right = {name: mark == "1" for name, mark in zip(names, marks, strict=True)}
        return Answers(right=right, clusters=dict(zip(names, map(str, self.clusters), strict=True)))


def path(name: str) -> Path:
    """Where they lie."""
    return ROOT / "docs" / "answers" / f"{name}.json"


def share(marks: str) -> float:
    """Of answers, those that are right."""
    return marks.count("1") / len(marks)


def digest_of(keys: Iterable[str]) -> str:
    """One for all stages of a study, whatever their order."""
    return digest("keys of a study", sorted(keys))


def _numbered(units: Sequence[str]) -> tuple[int, ...]:
    known = list(dict.fromkeys(units))
    return tuple(map(known.index, units))


def _ordered(rows: Sequence[Result]) -> list[Result]:
    return sorted(rows, key=lambda row: row.id)


def _marks(rows: Sequence[Result]) -> str:
    return "".join(str(int(row.correct)) for row in _ordered(rows))
