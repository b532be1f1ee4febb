"""Stamps: the versions, devices and precision that stages ran under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.stage import StageResult

STAMPED: Final = (
    "device",
    "gpu",
    "gpus",
    "driver",
    "processor",
    "precision",
    "weights",
    "backend",
    "processes",
    "device_batch",
    "machines",
    "distribution",
    "recompute",
    "threads",
    "python",
    "platform",
)
"""The facts of a log that stand beside versions of packages."""

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Stages of one kind that ran under the same circumstances."""

    kind: str
    facts: Facts
    arms: tuple[str, ...]
    stages: int


def stamps(results: Results) -> tuple[Stamp, ...]:
    """The different circumstances under which stages of each kind ran.

    Copies for the noise floor are left out: no arm learned or was scored in one.
    """
    alike: dict[tuple[str, Facts], list[StageResult]] = {}
    for stage in results.stages:
        log = stage.log if any(use.copy is None for use in stage.uses) else None
        if log is not None and not log.passed:
            alike.setdefault((stage.kind, facts_of(log)), []).append(stage)
    found = []
    for (kind, facts), stages in alike.items():
        using = {use.arm for stage in stages for use in stage.uses if use.copy is None}
        arms = tuple(arm for arm in results.index.arms if arm in using)
        found.append(Stamp(kind=kind, facts=facts, arms=arms, stages=len(stages)))
    return tuple(found)


def facts_of(log: Log) -> Facts:
    """What a log says of versions and of the machine."""
    facts = {}
    for name in STAMPED:
        value = getattr(log, name)
        if value is not None:
            facts[name] = str(value)
    return tuple(sorted({**facts, **(log.versions or {})}.items()))


def common(stamps: Sequence[Stamp]) -> Facts:
    """The facts that all stages share."""
    if not stamps:
        return ()
    shared = set.intersection(*(set(stamp.facts) for stamp in stamps))
    return tuple(sorted(shared))


def mixed(stamps: Sequence[Stamp]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Kinds whose stages ran under different circumstances, with what differs.

    A difference reads `device: cpu / NVIDIA H200`.
    """
    rows = []
    for kind in dict.fromkeys(stamp.kind for stamp in stamps):
        differing = _differing([dict(stamp.facts) for stamp in stamps if stamp.kind == kind])
        if differing:
            rows.append((kind, differing))
    return tuple(rows)


def between(stamps: Sequence[Stamp], *arms: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What differs in the circumstances of some arms, in which a contrast of theirs is read."""
    return mixed([stamp for stamp in stamps if not set(arms).isdisjoint(stamp.arms)])


def _differing(many: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """What differs among stages that noted it: not each of a kind runs a model, as engines do."""
    differing = []
    for name in sorted({name for facts in many for name in facts}):
        values = list(dict.fromkeys(facts[name] for facts in many if name in facts))
        if len(values) > 1:
            differing.append(f"{name}: {' / '.join(values)}")
    return tuple(differing)
