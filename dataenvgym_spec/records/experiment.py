"""The index of an experiment: which stage belongs to which arm, seed and iteration.

Stages never depend on it.
"""

from __future__ import annotations

from typing import Any, Literal

from dataenvgym_spec.records.record import Record


class StageUse(Record, frozen=True, kw_only=True):
    """Where an experiment uses a stage.

    `iteration` None is outside of the loop; `baseline` is the name of the prompt that an untaught
    student is asked with in place of its own, `probe` of another test set, and `each` the iteration
    whose student is tested for the report alone.
    """

    arm: str
    seed: int
    iteration: int | None
    label: str
    baseline: str | None = None
    probe: str | None = None
    each: int | None = None


class IndexedStage(Record, frozen=True, kw_only=True):
    """A stage of the experiment: its directory in the store, what it reads, and its uses."""

    directory: str
    key: str
    kind: str
    inputs: tuple[str, ...]
    uses: tuple[StageUse, ...]


class Question(Record, frozen=True, kw_only=True):
    """A contrast that the spec declares."""

    arm: str
    against: str
    student: Literal["best", "last"] = "best"
    split: str = "test"
    primary: bool = False


class Index(Record, frozen=True, kw_only=True):
    """What the compiler says of an experiment; `experiments/<name>.json`.

    Attributes:
        iterations: by arm.
        contrasts: what the report compares.
        settings: the resolved spec of each arm, less what makes no difference to results.
        inputs: digests of the files that the spec reads, by path.
        sweep: the spec's name, if the experiment is a point of a sweep.
        stamps: what the report says of splits that are used in two roles.
        stages: in topological order.
    """

    name: str
    description: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    iterations: dict[str, int]
    contrasts: tuple[Question, ...]
    settings: dict[str, dict[str, Any]]
    inputs: dict[str, str]
    sweep: str | None = None
    stamps: tuple[str, ...] | None = None
    stages: tuple[IndexedStage, ...] = ()
    format: int = 1
