"""The cost ledger and the stamps: what the logs say about time, tokens, amounts, versions and devices."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.results.experiment import Results, StageResult

TOKENS: Final = ("prompt", "generated", "trained")
_AMOUNTS: Final = {
    "generate": "candidates",
    "check": "accepted",
    "train": "examples",
    "student": "examples",
    "evaluate": "items",
}
"""The fact in a stage's log that says how much it worked on."""
_STAMP: Final = ("device", "precision", "backend", "processes", "python", "platform")


@dataclass(slots=True, kw_only=True)
class Cost:
    """What some stages took; each stage counts once."""

    name: str
    stages: int = 0
    seconds: float = 0.0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))
    amount: int = 0
    phases: dict[str, float] = field(default_factory=dict)

    def add(self, stage: StageResult) -> None:
        """Counts a stage."""
        log = stage.log
        seconds: dict[str, float] = log.get("seconds", {})
        total = seconds.get("total", 0.0)
        named = {phase: value for phase, value in seconds.items() if phase != "total"}
        self.stages += 1
        self.seconds += total
        for phase, value in {**named, "other": max(0.0, total - sum(named.values()))}.items():
            self.phases[phase] = self.phases.get(phase, 0.0) + value
        for what, count in log.get("tokens", {}).items():
            self.tokens[what] = self.tokens.get(what, 0) + count
        self.amount += log.get(_AMOUNTS.get(stage.kind, ""), 0) * log.get("students", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The costs by kind of stage, by arm, and in all.

    Attributes:
        kinds: one cost per kind, in the order of the pipeline.
        arms: of the stages that only this arm uses.
        shared: of the stages that several arms use.
        total: of all.
        started: when the first stage began, in seconds since the epoch.
        ended: when the last one ended.
    """

    kinds: tuple[Cost, ...]
    arms: tuple[Cost, ...]
    shared: Cost
    total: Cost
    started: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Stages of one kind that ran under the same circumstances."""

    kind: str
    facts: tuple[tuple[str, str], ...]
    arms: tuple[str, ...]
    stages: int


def ledger(results: Results) -> Ledger:
    """Adds up the logs of all stages that are done and did some work."""
    done = [stage for stage in results.stages if stage.done and not stage.passed]
    by_arm: dict[str, list[StageResult]] = {arm: [] for arm in results.index["arms"]}
    shared: list[StageResult] = []
    for stage in done:
        arms = {use["arm"] for use in stage.uses}
        (by_arm[arms.pop()] if len(arms) == 1 else shared).append(stage)
    return Ledger(
        kinds=tuple(
            _cost(kind, (stage for stage in done if stage.kind == kind))
            for kind in KINDS
            if any(stage.kind == kind for stage in done)
        ),
        arms=tuple(_cost(arm, stages) for arm, stages in by_arm.items()),
        shared=_cost("shared by arms", shared),
        total=_cost("all", done),
        started=min((stage.log["started"] for stage in done), default=0.0),
        ended=max(
            (stage.log["started"] + stage.log["seconds"]["total"] for stage in done), default=0.0
        ),
    )


def _cost(name: str, stages: Iterable[StageResult]) -> Cost:
    cost = Cost(name=name)
    for stage in stages:
        cost.add(stage)
    return cost


def stamps(results: Results) -> tuple[Stamp, ...]:
    """The different circumstances under which stages of each kind ran."""
    found: dict[tuple[str, str], list[StageResult]] = {}
    for stage in results.stages:
        if stage.done and not stage.passed:
            found.setdefault((stage.kind, json.dumps(_facts(stage), sort_keys=True)), []).append(
                stage
            )
    return tuple(
        Stamp(
            kind=kind,
            facts=tuple(sorted(json.loads(facts).items())),
            arms=tuple(
                arm
                for arm in results.index["arms"]
                if any(use["arm"] == arm for stage in stages for use in stage.uses)
            ),
            stages=len(stages),
        )
        for (kind, facts), stages in found.items()
    )


def _facts(stage: StageResult) -> dict[str, str]:
    log: dict[str, Any] = stage.log
    facts = {name: str(log[name]) for name in _STAMP if name in log}
    return {**facts, **{name: str(number) for name, number in log.get("versions", {}).items()}}


def common(found: Sequence[Stamp]) -> tuple[tuple[str, str], ...]:
    """The facts that all stages share."""
    shared = set.intersection(*(set(stamp.facts) for stamp in found)) if found else set()
    return tuple(sorted(shared))


def mixed(found: Sequence[Stamp]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Kinds whose stages ran under different circumstances, with what differs: `device: cpu / NVIDIA H200`."""
    out = []
    for kind in dict.fromkeys(stamp.kind for stamp in found):
        many = [dict(stamp.facts) for stamp in found if stamp.kind == kind]
        names = sorted({name for facts in many for name in facts})
        values = {
            name: list(dict.fromkeys(facts.get(name, "none") for facts in many)) for name in names
        }
        differing = tuple(
            f"{name}: {' / '.join(seen)}" for name, seen in values.items() if len(seen) > 1
        )
        if differing:
            out.append((kind, differing))
    return tuple(out)
