"""What stands where: done, running, failed or missing, stage by stage. Reads the store; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dataenvgym_spec.results.experiment import Results, StageResult
from dataenvgym_spec.store.locks import held

State = Literal["done", "running", "failed", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of one stage."""

    key: str
    kind: str
    state: State
    label: str
    detail: str


def status(results: Results) -> list[Standing]:
    """The state of every stage of an experiment, in topological order."""
    return [_standing(results, stage) for stage in results.stages]


def _standing(results: Results, stage: StageResult) -> Standing:
    state, detail = _state(results, stage)
    return Standing(key=stage.key, kind=stage.kind, state=state, label=stage.label(), detail=detail)


def _state(results: Results, stage: StageResult) -> tuple[State, str]:
    layout = results.layout
    lock = layout.lock(stage.path.name)
    if lock.exists():
        with held(lock) as free:
            if not free:
                return "running", lock.read_text(encoding="utf-8").strip()
    if stage.done:
        return (
            "done",
            "passed through" if stage.passed else f"{stage.log['seconds']['total']:.1f} s",
        )
    trace = layout.scratch(stage.path.name) / "failure.txt"
    if trace.is_file():
        return "failed", trace.read_text(encoding="utf-8").strip().splitlines()[-1]
    return "missing", ""
