"""The smallest difference that each declared contrast would find, before anything is paid for.

What is known of the design is read from the compiled graph, and from the splits where they are
drawn already; what is assumed is said. The formula is in `results.evidence.power`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import msgspec

from dataenvgym_spec.graph.ir import Entry, Graph, Stage
from dataenvgym_spec.graph.params import DataParams
from dataenvgym_spec.language.places import named
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.power import Design, detectable
from dataenvgym_spec.store.layout import Layout

DISCORDANCE: Final = 0.2
"""The part of items that two students answer differently, where nothing is known of it."""
LEVEL: Final = 0.05
_FILE: Final = "items.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of chance from copies of one student that is taught again: the noise floor.

    Attributes:
        discordance: the part of items that a student and its copy answer differently.
        deviation: the standard deviation of the score of a student that is taught again, beyond
            what items that are answered differently make of themselves.
    """

    discordance: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a contrast can find.

    Attributes:
        question: the contrast.
        items: how many items both students answer; None where that is not known before they are
            drawn.
        clusters: how many clusters they form, the same where each stands alone.
        runs: runs of each arm.
        family: how many contrasts it is corrected with, at Holm's first and hardest step.
        discordance: the part of items that the students are taken to answer differently.
        deviation: the standard deviation between runs beyond what items make; None is not known.
        least: the smallest true difference that is found in 80% of studies; None where none is, or
            where the items are not known.
    """

    question: Question
    items: int | None
    clusters: int | None
    runs: int
    family: int
    discordance: float
    deviation: float | None
    least: float | None


class _Row(msgspec.Struct, frozen=True):
    """What of an item says which part of a split it belongs to."""

    id: str
    group: str = ""
    cluster: str = ""
    slices: dict[str, str] | None = None


def measured_noise(item: Entry, layout: Layout) -> Measured | None:
    """What copies of a student have come to so far; None without any that is trained again."""
    if item.index.noise is None or not layout.index(item.name).is_file():
        return None
    # Most specs make no copies, and a plan is to be there at once.
    from dataenvgym_spec.results.experiment import Results, open_results
    from dataenvgym_spec.results.noise import noise_floor

    floor = noise_floor(open_results(Results, item.name, layout.root))
    if floor is None or floor.retrain is None:
        return None
    discordance = fmean(floor.retrain.moved)
    # Answers that change one by one make a score vary, too: of two students each by half of it.
    alone = discordance / (2 * floor.items)
    deviation = max(0.0, floor.retrain.sd**2 - alone) ** 0.5
    return Measured(discordance=discordance, deviation=deviation)


def expected(
    graph: Graph, item: Entry, layout: Layout, measured: Measured | None = None
) -> tuple[Expected, ...]:
    """What each declared contrast can find, in their order.

    Args:
        graph: the compiled graph.
        item: the experiment.
        layout: the repository, for splits that are drawn.
        measured: the noise floor, where it is known.
    """
    index = item.index
    stages = [graph.by_id()[key] for key in item.stages]
    found = []
    for question in index.contrasts:
        family = sum(one.primary is question.primary for one in index.contrasts)
        split = _split(stages, item.name, question.split)
        counts = None if split is None else _counts(split, question, layout, index.settings)
        items, clusters = counts or (None, None)
        runs, deviation = len(index.seeds), _deviation(question, measured)
        discordance = DISCORDANCE if measured is None else measured.discordance
        least = None
        if clusters is not None and clusters > 1:
            design = Design(
                units=clusters,
                runs=runs,
                alpha=LEVEL / family,
                discordance=discordance,
                run_deviation=deviation or 0.0,
            )
            least = detectable(design)
        one = Expected(
            question=question,
            items=items,
            clusters=clusters,
            runs=runs,
            family=family,
            discordance=discordance,
            deviation=deviation,
            least=least,
        )
        found.append(one)
    return tuple(found)


def _deviation(question: Question, measured: Measured | None) -> float | None:
    """Between runs of a difference: chance of each student that is taught again."""
    if measured is None:
        return None
    taught = sum(student != "base" for student in (question.student, question.second))
    return float(measured.deviation * taught**0.5)


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
) -> tuple[int, int] | None:
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
        return len(mine), len({row.cluster or row.id for row in mine})
    draw = split.params.draw
    if isinstance(draw, str) or question.slice or labelled:
        return None
    if draw.items is not None:
        return None if question.skill is not None else (draw.items, draw.items)
    groups = _groups(split.params)
    if draw.per_group is None or not groups:
        return None
    items = draw.per_group * (1 if question.skill is not None else len(groups))
    return items, items


def _groups(params: DataParams) -> list[str]:
    """The groups that a source lists; none of one whose rows say it."""
    groups: list[str] = []
    for path in params.source.marked("x-groups"):
        for _, listed in named(params.source.options, path):
            groups += listed
    return groups


def _labelled(question: Question, settings: dict[str, dict[str, object]]) -> bool:
    """Whether which items a skill has is known only once they are labelled."""
    skills = settings[question.arm].get("skills")
    labels = skills.get("label") if isinstance(skills, dict) else None
    return question.skill is not None and question.split in (labels or ())


def _asked(row: _Row, question: Question) -> bool:
    slices = row.slices or {}
    in_skill = question.skill is None or row.group == question.skill
    return in_skill and all(slices.get(name) == value for name, value in question.slice)
