"""The smallest difference that each declared contrast would find, before anything is paid for.

What is known of the design is read from the compiled graph, from the splits where they are drawn
already, and from answers that are there; what is assumed is said. What two students are taken to
differ by is in `results.evidence.basis`, the formula in `results.evidence.power`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.emit.index import complete
from dataenvgym_spec.graph.ir import Entry, Graph, Stage
from dataenvgym_spec.graph.params import DataParams
from dataenvgym_spec.language.places import named
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.answers import Sides
from dataenvgym_spec.results.evidence.basis import Basis, Measured, basis
from dataenvgym_spec.results.evidence.contrasts import contrasted
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.settings import at
from dataenvgym_spec.store.layout import Layout

LEVEL: Final = 0.05
_FILE: Final = "items.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a contrast can find.

    Attributes:
        question: the contrast.
        counts: the items that both students answer, and their clusters; None where they are not
            known before they are drawn.
        runs: runs of each arm.
        family: how many contrasts it is corrected with, at Holm's first and hardest step.
        basis: how much the students are taken to differ, and what says so.
        least: the smallest true difference that is found in 80% of studies; None where none is, or
            where the items are not known.
    """

    question: Question
    counts: Counts | None
    runs: int
    family: int
    basis: Basis
    least: float | None

    @property
    def items(self) -> int | None:
        """How many items both students answer; None where that is not known."""
        return None if self.counts is None else self.counts.items

    @property
    def clusters(self) -> int | None:
        """How many clusters they form, the same where each stands alone."""
        return None if self.counts is None else self.counts.clusters

    @property
    def too_low(self) -> bool:
        """Whether the figure leaves out what runs vary by, or some of it."""
        seen = self.basis.deviation is not None
        return self.runs == 1 or not seen or self.basis.deviation_source != "answers"

    @property
    def too_high(self) -> bool:
        """Whether the figure takes items for alike that may only resemble each other."""
        return self.items != self.clusters


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What of a split a contrast is about.

    Attributes:
        items: how many items.
        clusters: how many clusters of them.
        units: how many clusters of one size would say as much if all items of one were alike
            (Kish 1965, Survey Sampling, section 5.4); the clusters where they are of one size.
    """

    items: int
    clusters: int
    units: int

    @classmethod
    def alone(cls, items: int) -> Counts:
        """Of items of which each stands alone."""
        return cls(items=items, clusters=items, units=items)

    @classmethod
    def of(cls, clusters: Iterable[str]) -> Counts:
        """Of items by their clusters.

        >>> Counts.of("aaab")
        Counts(items=4, clusters=2, units=1)
        """
        sizes = Counter(clusters)
        items = sizes.total()
        squares = sum(size * size for size in sizes.values())
        units = items * items // squares if squares else 0
        return cls(items=items, clusters=len(sizes), units=units)


class _Row(msgspec.Struct, frozen=True):
    """What of an item says which part of a split it belongs to."""

    id: str
    group: str = ""
    cluster: str = ""
    slices: dict[str, str] | None = None


def results_of(graph: Graph, item: Entry, layout: Layout) -> Results:
    """What is there of an experiment, be it compiled or not: a stage's key says where it lies."""
    return Results(layout=layout, index=complete(item, graph))


def measured_noise(results: Results) -> dict[Question, Measured]:
    """What copies of a student have come to so far, by the contrasts that they say anything of.

    There are none without a copy that is trained again.
    """
    if results.index.noise is None:
        return {}
    # Most specs make no copies, and a plan is to be there at once.
    from dataenvgym_spec.results.noise import is_of, noise_floor

    # Results that are not what their locks say are made again: the plan lists them.
    with suppress(UserError):
        floor = noise_floor(results)
        measured = Measured.of(floor)
        if floor is not None and measured is not None:
            found = {}
            for one in results.index.contrasts:
                if is_of(floor, one.split, one.arm, one.against):
                    found[one] = measured
            return found
    return {}


def answered(results: Results) -> dict[Question, dict[int, Sides]]:
    """What both students of each contrast have answered so far, by run seed."""
    found = {}
    for question in results.index.contrasts:
        with suppress(UserError):
            found[question] = contrasted(results, question)
    return found


def expected(
    graph: Graph,
    item: Entry,
    layout: Layout,
    measured: Mapping[Question, Measured] | None = None,
    answers: Mapping[Question, Mapping[int, Sides]] | None = None,
) -> tuple[Expected, ...]:
    """What each declared contrast can find, in their order.

    Args:
        graph: the compiled graph.
        item: the experiment.
        layout: the repository, for splits that are drawn.
        measured: what copies of a student came to, by the contrasts that they say anything of.
        answers: what both students of a contrast have answered, as far as that is there.
    """
    index = item.index
    stages = [graph.by_id()[key] for key in item.stages]
    found = []
    for question in index.contrasts:
        family = sum(one.primary is question.primary for one in index.contrasts)
        split = _split(stages, item.name, question.split)
        counts = None if split is None else _counts(split, question, layout, index.settings)
        taught = sum(student != "base" for student in (question.student, question.second))
        copies = (measured or {}).get(question)
        rests = basis((answers or {}).get(question), copies, taught=taught)
        runs, least = len(index.seeds), None
        if counts is not None and counts.units > 1:
            least = rests.least(units=counts.units, runs=runs, alpha=LEVEL / family)
        one = Expected(
            question=question,
            counts=counts,
            runs=runs,
            family=family,
            basis=rests,
            least=least,
        )
        found.append(one)
    return tuple(found)


def _split(stages: Sequence[Stage], experiment: str, split: str) -> Stage | None:
    """The stage that draws the items of a split, or of another test set."""
    for stage in stages:
        if not isinstance(stage.params, DataParams):
            continue
        probes = {use.probe for use in stage.uses if use.experiment == experiment}
        if split in probes or (probes == {None} and stage.params.role == split):
            return stage
    return None


def _counts(
    split: Stage, question: Question, layout: Layout, settings: dict[str, dict[str, object]]
) -> Counts | None:
    """How many items a contrast is about, and clusters of them; None before that is known."""
    assert isinstance(split.params, DataParams)
    port = "test" if question.split not in ("test", "selection") else question.split
    path = layout.stage(split.directory) / "out" / port / _FILE
    labelled = _labelled(question, settings)
    if path.is_file() and not labelled:
        try:
            rows = msgspec.json.Decoder(_Row).decode_lines(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        mine = [row for row in rows if _asked(row, question)]
        return Counts.of(row.cluster or row.id for row in mine)
    draw = split.params.draw
    if isinstance(draw, str) or question.slice or labelled:
        return None
    if draw.items is not None:
        return None if question.skill is not None else Counts.alone(draw.items)
    groups = _groups(split.params)
    if draw.per_group is None or not groups:
        return None
    return Counts.alone(draw.per_group * (1 if question.skill is not None else len(groups)))


def _groups(params: DataParams) -> list[str]:
    """The groups that a source lists; none of one whose rows say it."""
    groups: list[str] = []
    for path in params.source.marked("x-groups"):
        for _, listed in named(params.source.options, path):
            groups += listed
    return groups


def _labelled(question: Question, settings: dict[str, dict[str, object]]) -> bool:
    """Whether which items a skill has is known only once they are labelled."""
    labels = at(settings[question.arm], "skills.label")
    return question.skill is not None and question.split in (labels or ())


def _asked(row: _Row, question: Question) -> bool:
    slices = row.slices or {}
    in_skill = question.skill is None or row.group == question.skill
    return in_skill and all(slices.get(name) == value for name, value in question.slice)
