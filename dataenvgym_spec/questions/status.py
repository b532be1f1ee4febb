"""Which stages are done, running, paused, failed or missing. Reads the store; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from dataenvgym_spec.core.errors import PAUSED, StageError
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.progress import PROGRESS, Progress
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.results.projection import Projection, projections
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.setup.hardware.leases import AtWork

StageState = Literal["done", "running", "paused", "failed", "missing"]
STATES: Final[tuple[StageState, ...]] = ("done", "running", "paused", "failed", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """The state of one stage.

    Attributes:
        detail: who runs it, why it failed, how long it took.
        asked: what it has asked teachers so far, and what remains, unless it is done.
        since: when it was begun that runs, in seconds since the epoch, as far as is known here.
    """

    key: str
    kind: str
    state: StageState
    label: str
    detail: str
    asked: tuple[Projection, ...] = ()
    since: float | None = None


def status(results: Results) -> list[StageStatus]:
    """The state of every stage of an experiment, in topological order."""
    at_work = AtWork(results.layout)
    return [_status(results, stage, at_work) for stage in results.stages]


def _status(results: Results, stage: StageResult, at_work: AtWork) -> StageStatus:
    state, detail = _state(results, stage, at_work)
    asked = _asked(results, stage) if state in ("running", "paused") else ()
    return StageStatus(
        key=stage.key,
        kind=stage.kind,
        state=state,
        label=stage.label(),
        detail=detail,
        asked=asked,
        since=_since(results, stage) if state == "running" else None,
    )


def _since(results: Results, stage: StageResult) -> float | None:
    """When the lock of a stage was taken; None where a lease is in its place."""
    try:
        return results.layout.lock(stage.path.name).stat().st_mtime
    except OSError:
        return None


def _state(results: Results, stage: StageResult, at_work: AtWork) -> tuple[StageState, str]:
    layout = results.layout
    # Whoever runs the stage holds its lock; a file that nobody holds is left from before.
    holder = at_work.on(stage.path.name)
    if holder is not None:
        return "running", holder
    if stage.done:
        return "done", _work(stage)
    trace = layout.scratch(stage.path.name) / "failure.txt"
    if trace.is_file():
        # A full disk leaves an empty file.
        lines = trace.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        why = lines[-1] if lines else "no reason was recorded"
        if why.startswith(PAUSED):
            return "paused", why.removeprefix(PAUSED)
        return "failed", why
    return "missing", ""


def _asked(results: Results, stage: StageResult) -> tuple[Projection, ...]:
    """What it asks teachers, as it was told last."""
    path = results.layout.scratch(stage.path.name) / PROGRESS
    if not path.is_file():
        return ()
    try:
        return projections(read(path, Progress), read_prices(results.layout.root))
    except StageError:
        return ()


def _work(stage: StageResult) -> str:
    """What a finished stage did."""
    if stage.passed:
        return "passed through"
    log = stage.log
    return "" if log is None else f"{log.seconds['total']:.1f} s"
