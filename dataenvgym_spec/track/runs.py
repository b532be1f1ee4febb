"""What a tracking server should hold, as records.

No MLflow here, and nothing that reads results.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dataenvgym_spec.core.hashing import digest, text_digest

Status = Literal["RUNNING", "FINISHED"]
MetricPoint = tuple[str, int, int, float | str]
"""Key, step, timestamp in ms, and the value; `nan` as text, because it does not equal itself."""

Value = tuple[str, float, int]
"""A metric's key and value and the time of the stage it comes from, in ms."""

Fact = tuple[str, int, float | str]
"""Key, step and value of a point, without the time at which it was measured."""

CURVES: Final = ("spent/gpu_seconds", "spent/seconds", "spent/tokens", "spent/usd", "train/")
"""How the names of curves begin that tell of circumstances."""
AXES: Final = (
    "selection/accuracy_by_seconds",
    "selection/accuracy_by_tokens",
    "selection/accuracy_mean_by_tokens",
)
"""Curves whose steps are circumstances."""
PARAMS: Final = "train."
"""How the names of params begin that tell of circumstances, such as a device."""
OF_CIRCUMSTANCES: Final = ("ledger/", "report/")
"""Where the files are that tell of circumstances too."""

LARGEST: Final = 1.7976931348623157e308
"""What MLflow's SQL store keeps for infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One point of a curve.

    `timestamp` is the recorded time in ms, so that logging it again gives the same point.
    """

    key: str
    value: float
    step: int
    timestamp: int

    @property
    def point(self) -> MetricPoint:
        """The point in the form in which two of them are compared.

        >>> Metric(key="loss", value=float("nan"), step=1, timestamp=2).point
        ('loss', 1, 2, 'nan')
        """
        return (self.key, self.step, self.timestamp, comparable(self.value))

    @property
    def fact(self) -> Fact:
        """The point without its time: the same for whoever comes to the same result."""
        return (self.key, self.step, comparable(self.value))


def is_circumstance(key: str) -> bool:
    """Whether a curve tells of how results were made, and not of the results.

    >>> is_circumstance("train/loss"), is_circumstance("selection/accuracy")
    (True, False)
    """
    return key.startswith(CURVES) or key in AXES


def comparable(value: float) -> float | str:
    """A metric's value as a database gives it back."""
    if math.isnan(value):
        return "nan"
    return max(-LARGEST, min(LARGEST, float(value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Data that went into a run.

    `digest` has at most 36 characters (MLflow's limit); `source` is relative to the repository.
    """

    name: str
    digest: str
    rows: int
    source: str
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file of a run: a text, or a file on disk of the same base name."""

    path: str
    digest: str
    text: str | None = None
    file: Path | None = None

    @property
    def circumstance(self) -> bool:
        """Whether it tells of times and machines too."""
        return self.path.startswith(OF_CIRCUMSTANCES)

    @property
    def size(self) -> int:
        """Its size in bytes."""
        if self.text is not None:
            return len(self.text.encode())
        return self.file.stat().st_size if self.file else 0


def text(path: str, content: str) -> Artifact:
    """A text as an artifact."""
    return Artifact(path=path, digest=text_digest(content)[:16], text=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """The student that a run made, as a logged model of MLflow: a reference, not its weights.

    Attributes:
        name: what people call it.
        params: how it was made.
        tags: where its weights are, and what made it.
        metrics: what it scored on selection.
    """

    name: str
    params: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One MLflow run. Who it is, `id` and `results` say.

    Attributes:
        id: what it is of, for ever: experiment, arm, seed, iteration.
        parent: the id of its parent run.
        plan: digest of what it is going to do. A run with another plan is another run of the same
            name.
        start: ms since the epoch; known as soon as the run is, and never changed by later results.
            Whoever computes the same results at another time has the same run.
        end: ms since the epoch; None while it is running.
        note: its description in Markdown. A target such as `run:ID` becomes a link (`links`).
        student: the one that it made.
        reads: ids of the runs whose students went into it.
        gives: ids of the runs whose students are its outcome, besides its own.
    """

    id: str
    name: str
    plan: str
    start: int
    parent: str | None = None
    end: int | None = None
    params: tuple[tuple[str, str], ...] = ()
    metrics: tuple[Metric, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    note: str = ""
    student: Student | None = None
    reads: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Whether anything is still to come."""
        return "RUNNING" if self.end is None else "FINISHED"

    @property
    def files(self) -> dict[str, int]:
        """The sizes of its files, by path."""
        return {item.path: item.size for item in self.artifacts}

    @property
    def results(self) -> str:
        """Digest of the results that it shows, without the circumstances they were made under."""
        params = [pair for pair in self.params if not pair[0].startswith(PARAMS)]
        facts = [one.fact for one in self.metrics if not is_circumstance(one.key)]
        datasets = [[item.name, item.digest, item.context] for item in self.datasets]
        files = [[item.path, item.digest] for item in self.artifacts if not item.circumstance]
        head = [self.id, self.plan, self.status]
        return digest("track results", [head, params, facts, datasets, files])[:32]

    @property
    def digest(self) -> str:
        """Digest of everything the record says."""
        metrics = [metric.point for metric in self.metrics]
        datasets = [
            [item.name, item.digest, item.rows, item.source, item.context] for item in self.datasets
        ]
        head = [
            self.id,
            self.name,
            self.plan,
            self.start,
            self.parent,
            self.end,
            self.params,
            self.tags,
        ]
        return digest(
            "track run",
            [head, metrics, datasets, [[item.path, item.digest] for item in self.artifacts]],
        )[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRecord:
    """What an MLflow experiment holds of one of ours.

    Attributes:
        name: of the experiment, with which the ids of its runs begin.
        home: what it is called in MLflow: as the experiment, or the sweep that it is a point of.
        description: in Markdown; targets such as `view:NAME` become links.
        views: MLflow's saved views, by name: what to compare, ready to be opened.
        runs: what there is so far, parents before children.
        plans: the plan of every run that the compiled experiment can have, by id, done or not.
    """

    name: str
    home: str
    description: str
    views: tuple[tuple[str, str], ...]
    runs: tuple[RunRecord, ...]
    plans: Mapping[str, str]
