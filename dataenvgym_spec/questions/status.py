"""Which stages are done, running, failed or missing. Reads the store; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.store.locks import holder

StageState = Literal["done", "running", "failed", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """The state of one stage."""

    key: str
    kind: str
    state: StageState
    label: str
    detail: str


def status(results: Results) -> list[StageStatus]:
    """The state of every stage of an experiment, in topological order."""
    return [_status(results, stage) for stage in results.stages]


def _status(results: Results, stage: StageResult) -> StageStatus:
    state, detail = _state(results, stage)
    label = stage.label()
    return StageStatus(key=stage.key, kind=stage.kind, state=state, label=label, detail=detail)


def _state(results: Results, stage: StageResult) -> tuple[StageState, str]:
    layout = results.layout
    # Whoever runs the stage holds its lock; a file that nobody holds is left from before.
    at_work = holder(layout.lock(stage.path.name))
    if at_work is not None:
        return "running", at_work
    if stage.done:
        return "done", _work(stage)
    trace = layout.scratch(stage.path.name) / "failure.txt"
    if trace.is_file():
        # A full disk leaves an empty file.
        lines = trace.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "failed", lines[-1] if lines else "no reason was recorded"
    return "missing", ""


def _work(stage: StageResult) -> str:
    """What a finished stage did."""
    if stage.passed:
        return "passed through"
    log = stage.log
    return "" if log is None else f"{log.seconds['total']:.1f} s"
