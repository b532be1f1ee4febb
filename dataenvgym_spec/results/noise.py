"""The noise floor of an experiment: its copies as they are in the store, and what they varied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import Any, Final

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.experiment import Copies, Copy, Question
from dataenvgym_spec.results.evidence.answers import of_part
from dataenvgym_spec.results.evidence.choosing import chooses
from dataenvgym_spec.results.evidence.contrasts import Weighed
from dataenvgym_spec.results.evidence.floor import WHOLE, Drawing, Floor, Part, Spread
from dataenvgym_spec.results.evidence.scores import by_skill
from dataenvgym_spec.results.evidence.statistics import discordant
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.settings import at
from dataenvgym_spec.results.stage import StageResult

UNKNOWN: Final = "not measured"
"""In the place of a floor that nothing is known of: it is never 0, and never left out."""
ORDER: Final = "order and batches of evaluation"
DRAWN: Final = "seeds of drawn answers"
TAUGHT: Final = "order of examples in training"
SEEDS: Final = "seeds of training"
ADAPTER: Final = "first weights of the adapter"
EARLIER: Final = "trainings of earlier iterations"
EXAMPLES: Final = "what the agent generates"
BASE: Final = "the base student"
CHOICE: Final = "the choice of the best iteration"
MACHINE: Final = "machine"
VERSIONS: Final = "versions of libraries"
"""Sources of noise in words."""
COPIED: Final = ("selection", "test")
"""What copies answer one of, and whose items are of one sort."""
_MACHINE: Final = (
    *("device", "gpu", "driver", "processor", "platform"),
    *("processes", "machines", "distribution", "recompute", "threads"),
)


def noise_floor(results: Results) -> Floor | None:
    """What the copies that are there come to; None where a spec asks for none."""
    copies = results.index.noise
    if copies is None:
        return None
    run = _run(results, copies)
    own = _own(run, copies)
    again, trained = (
        [_rows(stage, copies) for stage in _evaluations(run, copies, sort)]
        for sort in ("reevaluate", "retrain")
    )
    reevaluate, retrain = _spread(own, again), _spread(own, trained)
    varied = list(_varied(results.settings[copies.arm], reevaluate, retrain))
    varied += _elsewhere(run, copies)
    done = sum(spread.n for spread in (reevaluate, retrain) if spread is not None)
    floor = Floor(
        arm=copies.arm,
        seed=copies.seed,
        iteration=copies.iteration,
        split=copies.split,
        items=len(own),
        reevaluate=reevaluate,
        retrain=retrain,
        varied=tuple(varied),
        not_measured=tuple(_not_measured(results, varied, copies)),
        missing=copies.reevaluate + copies.retrain - done,
        drawing=drawing(results.settings[copies.arm]),
        drawings={arm: drawing(settings) for arm, settings in results.settings.items()},
    )
    parts = dict(_parts(floor, results, own, again, trained))
    return replace(floor, parts=parts)


def _parts(
    floor: Floor,
    results: Results,
    own: Sequence[Result],
    again: Sequence[Sequence[Result]],
    trained: Sequence[Sequence[Result]],
) -> Iterator[tuple[Part, Floor]]:
    """The same of each skill of an arm, and of each part that a contrast is about."""
    for arm in dict.fromkeys(run.arm for run in results.runs):
        run = results.of_arm(arm)[0]
        names = run.names(floor.split)
        if names is None and any(map(run.labelling, ("selection", "test"))):
            names = {}  # its skills are no groups of the source, and these items have no labels
        declared = {part_of(question) for question in results.index.contrasts}
        pieces = partial(_pieces, arm, names, [part for part in declared if part.arm == arm])
        redone, relearned = [pieces(rows) for rows in again], [pieces(rows) for rows in trained]
        for part, mine in pieces(own).items():
            reevaluate, retrain = (
                _part_spread(whole, mine, len(own), [rows[part] for rows in copies])
                for whole, copies in ((floor.reevaluate, redone), (floor.retrain, relearned))
            )
            yield part, replace(floor, items=len(mine), reevaluate=reevaluate, retrain=retrain)


def _pieces(
    arm: str, names: Mapping[str, str] | None, declared: Sequence[Part], rows: Sequence[Result]
) -> dict[Part, list[Result]]:
    """Answers by the parts of the items that an arm tells apart, those without one left out."""
    found = {Part(arm=arm, skill=skill): mine for skill, mine in by_skill(rows, names).items()}
    for part in declared:
        mine = of_part(rows, part.skill, part.slices, names)
        if mine:
            found[part] = mine
    return found


def _part_spread(
    whole: Spread | None, own: Sequence[Result], items: int, copies: Sequence[Sequence[Result]]
) -> Spread | None:
    """How the score of a part varies: at least as that of so few items would, drawn from all."""
    spread = _spread(own, copies)
    if spread is None or whole is None:
        return None
    return replace(spread, least=whole.sd * sqrt(items / len(own)))


def part_of(question: Question) -> Part:
    """The part of the items that a contrast is about."""
    if question.skill is None and not question.slice:
        return WHOLE
    return Part(arm=question.arm, skill=question.skill, slices=question.slice)


def answers(results: Results) -> list[tuple[Copy, list[Result]]]:
    """The answers of the copied student and of its copies, as far as they are there."""
    copies = results.index.noise
    if copies is None:
        return []
    run = _run(results, copies)
    own = _own(run, copies)
    found = [(Copy(of="student"), own)] if own else []
    for copy, stage in run.copies:
        if copy.of != "student" and stage.kind == "evaluate" and stage.done:
            found.append((copy, _rows(stage, copies)))
    return found


def beside(floor: Floor | None, question: Question, weighed: Weighed | None) -> float | None:
    """What a contrast stays within by chance alone; None if nothing was measured of it.

    Args:
        floor: the noise floor of the experiment.
        question: what is compared.
        weighed: the answer; None where there is no difference.
    """
    if weighed is None:
        return None
    return within(floor, question, items=weighed.items, runs=weighed.replicates)


def within(floor: Floor | None, question: Question, *, items: int, runs: int = 1) -> float | None:
    """The same of a difference that is a mean over so many runs, on so many items."""
    arms = (question.arm, question.against)
    if floor is None or not items or not is_of(floor, question.split, *arms):
        return None
    first, second = question.student != "base", question.second != "base"
    part = floor.of_part(part_of(question))
    if part is None:
        return None
    return part.between(arms, runs, items=items, first=first, second=second)


def is_of(floor: Floor, split: str, *arms: str) -> bool:
    """Whether copies say anything of the answers of some arms' students to a split.

    Of another test set nothing is known: its items are of another sort, and no copy answered any.
    Nor is of answers that are drawn, and not as the copied student's are.
    """
    return split in COPIED and floor.knows(*arms)


def of_change(floor: Floor | None, arm: str, *, items: int, runs: int = 1) -> float | None:
    """What a student less the untaught one stays within by chance alone; None if not measured.

    Args:
        floor: the noise floor of the experiment, or of a part of the items.
        arm: whose students they are.
        items: how many items of the sealed test, or of selection, it is of.
        runs: how many runs it is a mean of.
    """
    return None if floor is None else floor.between((arm, arm), runs, items=items, second=False)


def _run(results: Results, copies: Copies) -> Run:
    """The run whose student is copied."""
    return next(run for run in results.of_arm(copies.arm) if run.seed == copies.seed)


def _own(run: Run, copies: Copies) -> list[Result]:
    """The student's own answers; empty before they are there."""
    if copies.split == "selection":
        return run.iterations[copies.iteration].results("selection")
    own = [stage for copy, stage in run.copies if copy.of == "student"]
    return _rows(own[0], copies) if own else []


def _rows(stage: StageResult, copies: Copies) -> list[Result]:
    return stage.rows(copies.split, "results.jsonl", Result)


def _evaluations(run: Run, copies: Copies, of: str) -> list[StageResult]:
    """The evaluations of copies of one sort that are done and say something.

    A training that had nothing to learn is no training that was done again.
    """
    mine = [(copy.number, stage) for copy, stage in run.copies if copy.of == of]
    idle = set()
    for number, stage in mine:
        log = stage.log if stage.kind == "train" else None
        if log is not None and (log.stayed or log.passed):
            idle.add(number)
    evaluated = [(number, stage) for number, stage in mine if stage.kind == "evaluate"]
    return [stage for number, stage in evaluated if stage.done and number not in idle]


def _spread(own: Sequence[Result], copies: Sequence[Sequence[Result]]) -> Spread | None:
    if not own or not copies:
        return None
    right = _right(own)
    scores, moved = [], []
    for rows in copies:
        other = _right(rows)
        counts = discordant(other, right)
        scores.append(_share(other))
        moved.append((counts.gained + counts.lost) / counts.items)
    return Spread(own=_share(right), scores=tuple(scores), moved=tuple(moved))


def _right(rows: Sequence[Result]) -> dict[str, bool]:
    return {row.id: row.correct for row in rows}


def _share(right: dict[str, bool]) -> float:
    return sum(right.values()) / len(right)


def _varied(
    settings: dict[str, Any], reevaluate: Spread | None, retrain: Spread | None
) -> Iterator[str]:
    if reevaluate is not None:
        yield ORDER
        if drawing(settings):
            yield DRAWN
    if retrain is not None:
        yield TAUGHT
        yield SEEDS
        if at(settings, "student.train.adapter") and not _goes_on(settings):
            yield ADAPTER


def _elsewhere(run: Run, copies: Copies) -> Iterator[str]:
    """What varied since copies were made elsewhere than the student, or later."""
    stages = [*run.iterations[copies.iteration].stages, *(stage for _, stage in run.copies)]
    machines: set[tuple[str, ...]] = set()
    versions: set[tuple[str, ...]] = set()
    for stage in stages:
        log = stage.log if stage.kind in ("train", "evaluate") else None
        if log is not None:
            facts = (str(getattr(log, name)) for name in _MACHINE)
            machines.add((stage.kind, *facts))
            versions.add((stage.kind, str(log.versions)))
    for source, circumstances in ((MACHINE, machines), (VERSIONS, versions)):
        kinds = [kind for kind, *_ in circumstances]
        if len(kinds) > len(set(kinds)):
            yield source


def drawing(settings: Mapping[str, Any]) -> Drawing | None:
    """How the students of an arm draw their answers, under the seed of their run; None if greedily.

    Args:
        settings: of the arm.
    """
    generate = at(settings, "student.generate")
    temperature = at(generate, "temperature")
    if not temperature:
        return None
    return Drawing(temperature, generate.get("top_p", 1.0), generate.get("samples", 1))


def _goes_on(settings: dict[str, Any]) -> bool:
    """Whether each training begins with the student of the iteration before."""
    return bool(at(settings, "loop.start_from") == "previous")


def _choose(results: Results) -> bool:
    """Whether a contrast is about a student that was chosen by its score: copies choose nobody."""
    chosen = set()
    for question in results.index.contrasts:
        sides = ((question.arm, question.student), (question.against, question.second))
        chosen |= {arm for arm, student in sides if student == "best"}
    return any(chooses(results, arm) for arm in chosen)


def _not_measured(results: Results, varied: Sequence[str], copies: Copies) -> Iterator[str]:
    settings = results.settings[copies.arm]
    for source in (ORDER, TAUGHT, SEEDS):
        if source not in varied:
            yield source
    if DRAWN not in varied and drawing(settings):
        yield DRAWN
    if _goes_on(settings) and copies.iteration > 1:
        yield EARLIER
    if _choose(results):
        yield CHOICE
    yield EXAMPLES
    yield BASE
    for source in (MACHINE, VERSIONS):
        if source not in varied:
            yield source
