"""Whether the parts of an index agree with each other: what refers to an arm, a run or a stage."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataenvgym_spec.records.experiment import Index, IndexedStage, Question, StageUse


def disagreements(index: Index) -> Iterator[str]:
    """What does not fit together in an index, one after the other.

    Compile writes none of these; a merge, a script or an editor can.
    """
    yield from _arms(index)
    for name in (index.name, *index.arms):
        if not name.isprintable():
            yield "a name holds what cannot be seen"
    if index.sweep is not None and not index.name.startswith(f"{index.sweep}-"):
        yield f"'{index.name}' is no point of a sweep '{index.sweep}'"
    for question in index.contrasts:
        yield from _question(index, question)
    noise = index.noise
    if noise is not None:
        yield from _place(index, "the noise floor", noise.arm, noise.seed, noise.iteration)
    yield from _stages(index)


def _arms(index: Index) -> Iterator[str]:
    """Every arm has iterations and settings; no arm and no seed stands there twice."""
    for name in ("arms", "seeds"):
        values: tuple[str | int, ...] = getattr(index, name)
        if not values or len(set(values)) < len(values):
            yield f"'{name}' is empty or names one twice"
    for name in ("iterations", "settings"):
        known: Collection[str] = getattr(index, name).keys()
        for arm in sorted({*index.arms} ^ {*known}):
            yield f"'arms' and '{name}' differ in '{arm}'"
    for arm, iterations in index.iterations.items():
        if iterations < 0:
            yield f"'{arm}' has {iterations} iterations"


def _question(index: Index, question: Question) -> Iterator[str]:
    """A contrast is of arms and students that there are."""
    sides = ((question.arm, question.student), (question.against, question.second))
    for arm, student in sides:
        number = student if isinstance(student, int) else None
        yield from _place(index, f"the contrast '{question.title}'", arm, None, number)


def _place(
    index: Index, what: str, arm: str, seed: int | None, iteration: int | None
) -> Iterator[str]:
    """Whether there is a place: None stands for every seed, and for no iteration."""
    if arm not in index.iterations:
        yield f"{what} is of an arm '{arm}', which is not there"
    elif iteration is not None and not 0 <= iteration <= index.iterations[arm]:
        yield f"{what} is of an iteration {iteration}, which '{arm}' does not have"
    if seed is not None and seed not in index.seeds:
        yield f"{what} is of a run seed {seed}, which is not there"


def _stages(index: Index) -> Iterator[str]:
    """Stages stand in order, and each is used by runs that there are."""
    known: set[str] = set()
    last = dict.fromkeys(index.arms, 0)
    probes: set[tuple[str, int, str]] = set()
    for stage in index.stages:
        yield from _stage(stage, known)
        known.add(stage.key)
        for use in stage.uses:
            yield from _use(index, use)
            last[use.arm] = max(last.get(use.arm, 0), use.iteration or 0)
            if use.probe is not None:
                probes.add((use.arm, use.seed, use.probe))
    if not index.stages:  # an experiment that is not written down yet
        return
    for arm, iterations in index.iterations.items():
        if last.get(arm) != iterations:
            yield f"'{arm}' has {iterations} iterations, and stages of {last.get(arm, 0)}"
    for question in index.contrasts:
        if question.split in ("test", "selection"):
            continue
        for arm in (question.arm, question.against):
            for seed in index.seeds:
                if (arm, seed, question.split) not in probes:
                    yield f"no run of '{arm}' under seed {seed} answers '{question.split}'"


def _stage(stage: IndexedStage, known: Collection[str]) -> Iterator[str]:
    if stage.key in known:
        yield f"the stage '{stage.directory}' is there twice"
    if stage.directory.partition("-")[0] != stage.kind:
        yield f"the stage '{stage.directory}' is of another kind, '{stage.kind}'"
    if not all(use.label.isprintable() for use in stage.uses):
        yield f"a label of '{stage.directory}' holds what cannot be seen"
    if not stage.uses:
        yield f"the stage '{stage.directory}' has no use"
    for key in stage.inputs:
        if key not in known:
            yield f"the stage '{stage.directory}' reads one that is not there, '{key}'"


def _use(index: Index, use: StageUse) -> Iterator[str]:
    for iteration in (use.iteration, use.each):
        yield from _place(index, f"the stage '{use.label}'", use.arm, use.seed, iteration)
