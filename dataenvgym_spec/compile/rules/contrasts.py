"""Contrasts ask for students that are scored on the items that they name, each once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.compile.lower.index import question
from dataenvgym_spec.compile.rules.supply import Supply, supply
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.records.experiment import Question, Student, called
from dataenvgym_spec.resolve.arms import Arm, Resolved

SCORED: Final = ("test", "selection")
"""The splits on which students of every arm are scored for the report."""
_UNSCORED: Final = {
    "feedback": "the agent is shown 'feedback', and not every arm answers it",
    "pool": "'pool' is taught from, and nobody answers it",
}

_Compared = tuple[object, ...]
"""Two students, the split and the part on which they are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A contrast, its two arms, and where the spec says it."""

    question: Question
    first: Arm
    second: Arm
    node: Node

    @property
    def students(self) -> tuple[tuple[Arm, Student, tuple[str, ...]], ...]:
        """Both students: whose each is, which, and where it is said."""
        second = ("student",) if self.question.other is None else ("against", "student")
        return (
            (self.first, self.question.student, ("student",)),
            (self.second, self.question.second, second),
        )


def check(resolved: Resolved) -> Iterator[Diagnostic]:
    """Errors about `analysis.contrasts`; unknown arms were reported before."""
    arms = {arm.name: arm for arm in resolved.arms}
    before: dict[_Compared, int] = {}
    for index, contrast in enumerate(resolved.base.analysis.contrasts):
        one = question(contrast, arms)
        if one.arm not in arms or one.against not in arms:
            continue
        node = resolved.node.at(("analysis", "contrasts", index))
        asked = _Asked(question=one, first=arms[one.arm], second=arms[one.against], node=node)
        yield from _same(asked, before, 1 + index)
        faults = list(_split(asked))
        yield from faults
        if not faults:
            yield from _students(asked)
            yield from _part(asked)


def _same(asked: _Asked, before: dict[_Compared, int], number: int) -> Iterator[Diagnostic]:
    """A student less itself, and what an earlier contrast says already, be it turned round."""
    one = asked.question
    if (one.arm, one.student) == (one.against, one.second):
        message = f"{called(one.student)} of '{one.arm}' is compared with itself"
        help = "name another arm or another student: against: {arm: NAME, student: last}"
        yield asked.node.at(("against",)).fault("E204", message, help)
        return
    earlier = before.setdefault(_compared(one), number)
    turned = before.get(_compared(one, turned=True))
    way = ""
    if earlier == number and turned is not None:
        earlier, way = turned, ", turned round"
    if earlier != number:
        message = f"contrasts {earlier} and {number} are the same{way}"
        yield asked.node.at(("arm",)).fault("E204", message, "leave one of them out")


def _compared(one: Question, *, turned: bool = False) -> _Compared:
    """What two students a contrast compares, and where."""
    sides = ((one.arm, one.student), (one.against, one.second))
    return (*(reversed(sides) if turned else sides), one.split, one.part)


def _split(asked: _Asked) -> Iterator[Diagnostic]:
    """A split that the report has no scores on."""
    split, node = asked.question.split, asked.node.at(("split",))
    if split in SCORED:
        return
    # The task is that of all arms.
    probes = asked.first.experiment.task.splits.probes
    allowed = (*SCORED, *probes)
    if split in _UNSCORED and split not in probes:
        help = f"compare on one of: {', '.join(allowed)}"
        yield node.fault("E204", f"no contrast on '{split}': {_UNSCORED[split]}", help)
    elif split not in probes:
        yield node.fault("E201", f"there is no split '{split}'", suggest(split, allowed))


def _students(asked: _Asked) -> Iterator[Diagnostic]:
    """Students of iterations that there are not, or that are not scored there."""
    split = asked.question.split
    for arm, student, path in asked.students:
        if isinstance(student, str):
            continue
        node, last = asked.node.at(path), arm.experiment.loop.iterations
        if student > last:
            message = f"'{arm.name}' has no iteration {student}: its loop runs {last}"
            help = f"name one from 1 to {last}, or raise 'loop.iterations'"
            yield node.fault("E204", message, help)
        elif split == "test" and arm.experiment.test is None:
            message = f"the student of iteration {student} does not answer the sealed test"
            help = "say 'test: {evaluate: each}', or compare on 'selection', 'best' or 'last'"
            yield node.fault("E204", message, help)
        elif split not in SCORED:
            message = f"the student of iteration {student} does not answer the probe '{split}'"
            yield node.fault("E204", message, "compare 'base', 'best' or 'last' there")


def _part(asked: _Asked) -> Iterator[Diagnostic]:
    """A skill or a slice that no item of the split can have, as far as that is known here."""
    one, source = asked.question, _source(asked)
    if source is None:
        return
    groups = source.sizes
    if one.skill is not None and groups and one.skill not in groups and not _labelled(asked):
        message = f"there is no skill '{one.skill}' in '{source.name}'"
        yield asked.node.at(("skill",)).fault("E201", message, suggest(one.skill, groups))
    if not source.declared.marked("x-slices"):
        return
    slices = [column.option[-1] for column in source.slices]
    for name, _ in one.slice:
        if name not in slices:
            message = f"there is no slice '{name}' in '{source.name}'"
            help = suggest(name, slices) if slices else "name its column under 'fields.slices'"
            yield asked.node.at(("slice", name)).key_fault("E201", message, help)


def _source(asked: _Asked) -> Supply | None:
    """The source that the items of the split are drawn from."""
    splits, split = asked.first.experiment.task.splits, asked.question.split
    drawn: Mapping[str, str] = {name: probe.from_ for name, probe in splits.probes.items()}
    drawn = {**drawn, "test": splits.test.from_, "selection": splits.selection.from_}
    return supply(asked.first, drawn[split])


def _labelled(asked: _Asked) -> bool:
    """Whether the items get their skills by a discovery, so that the source does not name them."""
    skills = asked.first.experiment.skills
    if skills is None or asked.question.split not in skills.labelled:
        return False
    # Gold skills are the groups of the source.
    declared = definition("discovery", skills.discover["kind"])
    return declared.skills != "groups"
