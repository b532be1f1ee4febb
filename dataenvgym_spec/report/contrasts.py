"""The declared contrasts, for a terminal, a page and a paper: a table, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.report import asking, correcting, declaring, noise
from dataenvgym_spec.report.tables import Line, TextTable
from dataenvgym_spec.report.text import count, p_cell, point_interval, points
from dataenvgym_spec.results.declared import Declarations
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.equivalence import Equivalence
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.noise import beside
from dataenvgym_spec.results.parity import Parity
from dataenvgym_spec.results.wording import compared, intervals

CLAIM: Final = ("equivalence", "#90% interval", "#p (bounds)", "#p (bounds, Holm)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A contrast, and what is said of it beside its figures.

    Attributes:
        contrast: what it came to.
        floor: its noise floor, as a sentence.
        notes: when it was declared, and that both students were asked alike if they were; but for
            what `Answers.every` says.
    """

    contrast: Comparison
    floor: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All declared contrasts.

    Attributes:
        each: what is said of one of them.
        every: sentences that hold of each of several.
    """

    each: tuple[Answer, ...]
    every: tuple[str, ...]


def answers(
    contrasts: Sequence[Comparison],
    told: Declarations,
    parities: Mapping[Question, Parity],
    floor: Floor | None,
) -> Answers:
    """What is said of contrasts; what a floor is, and what holds of all of them, is said once."""
    notes = {}
    for one in contrasts:
        notes[one.question] = [declaring.declared(told.standing[one.question])]
        parity = parities.get(one.question)
        if parity is not None and not parity.differing:
            notes[one.question].append(asking.asked(parity))
    first, *others = notes.values() or [[]]
    every = [note for note in first if others and all(note in more for more in others)]
    each, explained = [], False
    for one in contrasts:
        width = noise.floor_of(floor, one.question, one.weighed, again=explained)
        explained = explained or bool(beside(floor, one.question, one.weighed))
        mine = tuple(note for note in notes[one.question] if note not in every)
        each.append(Answer(contrast=one, floor=width, notes=mine))
    return Answers(each=tuple(each), every=tuple(every))


def table(contrasts: Sequence[Comparison], floor: Floor | None) -> TextTable:
    """Contrasts in percentage points; claims of equivalence where there are any."""
    bounds = len(CLAIM) if any(one.equivalence for one in contrasts) else 0
    lines = []
    for one in contrasts:
        found, weighed = one.difference, one.weighed
        kind = "primary" if one.question.primary else "exploratory"
        ends = (points(found.value), point_interval(found))
        width = noise.cell(beside(floor, one.question, weighed))
        tests = (p_cell(weighed.p), p_cell(one.adjusted))
        cells = (compared(one.question), kind, *ends, width, *tests)
        lines.append(Line(cells=(*cells, *_claimed(one.equivalence)[:bounds], count(one.items))))
    sizes = ("#points", "#95% interval", noise.HEADING)
    head = ("contrast", "declared", *sizes, "#p", "#p (Holm)", *CLAIM[:bounds], "#items")
    over = intervals((compared(one.question), one.difference) for one in contrasts)
    return TextTable(title="declared contrasts", head=head, lines=tuple(lines), note=over)


def _claimed(claim: Equivalence | None) -> tuple[str, ...]:
    """The cells of a claim of equivalence; empty where nobody asks."""
    if claim is None:
        return ("",) * len(CLAIM)
    ends = f"{points(claim.low)} to {points(claim.high)}"
    return (correcting.within(claim), ends, p_cell(claim.p), p_cell(claim.adjusted))
