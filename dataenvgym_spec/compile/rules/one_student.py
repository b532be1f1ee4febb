"""Contrasts of two students that are one under two names: their difference is 0 by construction.

Only the stages tell: arms that make the same base share it, the last student is that of the last
iteration, and so is the best one where nothing is selected. Such a contrast would still count among
those that the others are corrected for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.graph.ir import Entry, Graph, Stage, Use
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.language.analysis import BASE
from dataenvgym_spec.records.experiment import Question, Student, called
from dataenvgym_spec.resolve.arms import Arm, Resolved

_Asked = tuple[bytes, tuple[tuple[str, str, str], ...]]
"""How students are asked: the parameters, and what is read but the student."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """The stages of an arm under one run seed.

    Attributes:
        stages: all of them, in order.
        students: those that make a student, by iteration; 0 is the base.
        choice: the one that says which is best.
        asked: how the arm's students are asked, by split or probe.
    """

    stages: list[str] = field(default_factory=list)
    students: dict[int, str] = field(default_factory=dict)
    choice: str = ""
    asked: dict[str, _Asked] = field(default_factory=dict)

    def add(self, stage: Stage, use: Use) -> None:
        self.stages.append(stage.id)
        if stage.kind in ("student", "train"):
            self.students[use.iteration or 0] = stage.id
        elif stage.kind == "select":
            self.choice = stage.id
        elif isinstance(stage.params, EvaluateParams):
            # What the base is asked with its own prompt says how all of the arm's students are.
            own = use.iteration == 0 and use.baseline is None
            for split in stage.params.splits if own else ():
                self.asked[use.probe or split] = _how(stage)

    def student(self, which: Student, arm: Arm) -> str:
        """The stage that makes a student, or says which of several it is."""
        last = arm.experiment.loop.iterations
        if which == "best" and arm.experiment.select.by != "last" and last > 1:
            return self.choice
        number = 0 if which == BASE else which
        return self.students[number if isinstance(number, int) else last]


def check(specs: Iterable[Resolved], graph: Graph) -> Iterator[Diagnostic]:
    """Errors about contrasts of a student with itself that its names do not show.

    Args:
        specs: the experiments.
        graph: their stages, shared.
    """
    entries = {entry.name: entry for entry in graph.entries}
    for spec in specs:
        if spec.base.analysis.contrasts:
            for finding in _of_spec(spec, entries[spec.base.name], graph):
                yield spec.family.annotate(finding)


def _of_spec(spec: Resolved, entry: Entry, graph: Graph) -> Iterator[Diagnostic]:
    arms = {arm.name: arm for arm in spec.arms}
    runs = _runs(entry, graph)
    for number, one in enumerate(entry.index.contrasts):
        seeds = entry.index.seeds
        pairs = [(runs[one.arm, seed], runs[one.against, seed]) for seed in seeds]
        if all(_is_one(one, first, second, arms) for first, second in pairs):
            node = spec.node.at(("analysis", "contrasts", number, "against"))
            first, second = _named(one.student, one.arm), _named(one.second, one.against)
            message = f"{first} and {second} are one student, which is asked alike in both"
            help = "compare students that were taught otherwise, or leave the contrast out"
            yield node.fault("E204", message, help)


def _named(student: Student, arm: str) -> str:
    return f"{called(student)} of '{arm}'"


def _runs(entry: Entry, graph: Graph) -> Mapping[tuple[str, int], _Run]:
    runs: dict[tuple[str, int], _Run] = {}
    for stage in graph.of(entry):
        for use in graph.uses(stage, entry.name):
            if use.copy is None:
                runs.setdefault((use.arm, use.seed), _Run()).add(stage, use)
    return runs


def _is_one(one: Question, first: _Run, second: _Run, arms: Mapping[str, Arm]) -> bool:
    # That two arms are one as a whole is a warning (W401), which a point of a sweep may well have.
    if one.arm != one.against and first.stages == second.stages:
        return False
    mine = first.student(one.student, arms[one.arm])
    other = second.student(one.second, arms[one.against])
    return mine == other and first.asked.get(one.split) == second.asked.get(one.split)


def _how(stage: Stage) -> _Asked:
    read = [(one.slot, one.stage, one.port) for one in stage.inputs if one.slot != "student"]
    return msgspec.json.encode(stage.plain), tuple(read)
