"""Results as records of runs.

One per base student, one per arm and seed, one per iteration below it, one summary per arm.

Pure: no server, no MLflow. The sealed test is not read here; `summary` is the only one that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.results.evidence.contrasts import comparisons
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.fates import at_work
from dataenvgym_spec.results.ledger import Cost, Ledger, read_ledger
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.teaching import teaching_costs
from dataenvgym_spec.track import notes, teaching
from dataenvgym_spec.track.base import base_record, bases_of
from dataenvgym_spec.track.iteration import (
    LONGEST,
    Parent,
    draw_metrics,
    iteration_metrics,
    iteration_record,
    text_artifact,
    turn_artifacts,
)
from dataenvgym_spec.track.naming import flatten, in_order, level_of, numbered
from dataenvgym_spec.track.noise import copied
from dataenvgym_spec.track.points import home_of, point_of, points_of
from dataenvgym_spec.track.runs import Artifact, ExperimentRecord, Metric, RunRecord
from dataenvgym_spec.track.students import EXPERIMENT
from dataenvgym_spec.track.summary import summary_record
from dataenvgym_spec.track.views import views_of

FORMAT: Final = 2
"""Raised when the names of metrics, params or runs change: runs of the older form are replaced."""

PALETTE: Final = (
    "#0064a4",
    "#c2510c",
    "#00805c",
    "#a8447f",
    "#8a6d00",
    "#3a7fb5",
    "#6a4ea3",
    "#5f6670",
)
"""Colours of arms in MLflow's charts: those of the report."""


def project(results: Results) -> ExperimentRecord:
    """What a tracking server should hold of an experiment, as far as it has got."""
    ledger = read_ledger(results)
    plans = plans_of(results)
    answers = {answer.question: answer for answer in comparisons(results)}
    runs: list[RunRecord] = []
    point = point_of(results)
    prefix = f"{point}, " if point else ""
    bases = bases_of(results)
    for base in bases:
        made = base_record(results, base, ledger, plans, prefix)
        if made is not None:
            runs.append(made)
    for run in results.runs:
        own = next((base.id for base in bases if run in base.runs), None)
        runs += _run_records(results, run, ledger, plans, own)
    for arm in results.index.arms:
        plan = plans[f"{results.name}/{arm}/summary"]
        colour = _colour(results, arm)
        record = summary_record(results, arm, ledger, plan, colour, answers)
        if record is not None:
            runs.append(record)
    return ExperimentRecord(
        name=results.name,
        home=home_of(results),
        description=notes.of_experiment(results.index.description),
        views=views_of(results.index, points_of(results)),
        runs=tuple(runs),
        plans=plans,
    )


def plans_of(results: Results) -> dict[str, str]:
    """The plan of every run that the experiment can have, by id.

    It is a digest of the stages that the run names and of the settings that it shows.
    """
    plans: dict[str, str] = {}
    for run in results.runs:
        name, settings = run_id(results, run), results.settings[run.arm]
        stages = [[stage.key for stage in turn.stages] for turn in run.iterations]
        closing = [stage.key for stage in run.closing]
        plans[name] = _plan(settings, stages, closing)
        for turn in run.iterations[1:]:
            plans[f"{name}/iteration-{turn.number}"] = _plan(stages[turn.number])
    for base in bases_of(results):
        plans[base.id] = _plan([stage.key for stage in base.turn.stages])
    copies = [stage.key for stage in copied(results)]
    for arm in results.index.arms:
        contrasts = []
        for question in results.index.contrasts:
            if question.arm == arm:
                contrasts.append([question.plain(), _of_arm(results, question.against, plans)])
        # A plan without copies is what it was before there were any.
        noise = [copies] if copies else []
        own = _of_arm(results, arm, plans)
        plans[f"{results.name}/{arm}/summary"] = _plan(own, contrasts, *noise)
    return plans


def _of_arm(results: Results, arm: str, plans: Mapping[str, str]) -> list[str]:
    return [plans[run_id(results, run)] for run in results.of_arm(arm)]


def _plan(*content: Any) -> str:
    return digest("track plan", [FORMAT, *content])[:32]


def run_id(results: Results, run: Run) -> str:
    """Who a run is: the same on every machine and every time."""
    return f"{results.name}/{run.arm}/seed-{run.seed}"


def _run_records(
    results: Results, run: Run, ledger: Ledger, plans: Mapping[str, str], base: str | None
) -> list[RunRecord]:
    """A run and its iterations, as far as they have begun.

    The base student comes first; before it there is nothing to show.
    """
    first = ledger.started(run.iterations[0].stages[0])
    if first is None:
        return []
    point = point_of(results)
    shared = {
        "arm": run.arm,
        "level": level_of(results.settings[run.arm]),
        "seed": str(run.seed),
        EXPERIMENT: results.name,
        "mlflow.runColor": _colour(results, run.arm),
        **({"point": point} if point else {}),
    }
    turns, costs = run.iterations[: 1 + run.reached], teaching_costs(run, ledger)
    curves, checks = draw_metrics(run, ledger), tuple(at_work(results, run.arm))
    metrics = []
    for turn in turns:
        cost = costs.get(turn.number)
        own = iteration_metrics(run, turn, ledger, cost, checks)
        metrics.append(own)
        curves += _with_axes(own, cost, run.examples(turn.number))
    top = _run_record(results, run, ledger, shared, curves, plans, first, base)
    called = f"{run.arm}, seed {run.seed}"
    parent = Parent(
        record=top,
        tags=shared,
        called=f"{point}, {called}" if point else called,
        base=base,
        iterations=len(run.iterations) - 1,
    )
    sources = _sources(run, top.id, base)
    records = [top]
    for turn, own in zip(turns[1:], metrics[1:], strict=True):
        record = iteration_record(
            results, turn, ledger, parent, metrics=own, plans=plans, sources=sources
        )
        if record is not None:
            records.append(record)
    return records


def _sources(run: Run, name: str, base: str | None) -> dict[str, str]:
    """The id of the run that makes a student, by the key of the stage that does."""
    sources = {stage.key: base for stage in run.iterations[0].of("student") if base is not None}
    for turn in run.iterations[1:]:
        if turn.training is not None:
            sources[turn.training.key] = f"{name}/iteration-{turn.number}"
    return sources


def _run_record(
    results: Results,
    run: Run,
    ledger: Ledger,
    shared: Mapping[str, str],
    curves: Sequence[Metric],
    plans: Mapping[str, str],
    first: int,
    base: str | None,
) -> RunRecord:
    name = run_id(results, run)
    tags = {**shared, "kind": "run", "dataenvgym.keys": _students(run)}
    if run.stopped is not None:
        tags["stopped"] = f"on selection, after iteration {run.stopped}"
    params = dict(flatten(results.settings[run.arm])) | {"arm": run.arm, "seed": str(run.seed)}
    turns = {turn.number: f"{name}/iteration-{turn.number}" for turn in run.iterations[1:]}
    choice, bases = run.choice, () if base is None else (base,)
    best = turns.get(choice.best, base) if choice is not None else None
    seed = numbered(run.seed, max(results.index.seeds))
    called = f"{run.arm}, seed {seed}"
    return RunRecord(
        id=name,
        name=f"{shared['point']}, {called}" if "point" in shared else called,
        plan=plans[name],
        # A millisecond apart, for MLflow lists the newest first: the base student, the runs in
        # the order of the spec, then the summaries.
        start=first - 1 - results.runs.index(run),
        end=ledger.all_ended(run.stages),
        params=tuple(sorted(params.items())),
        metrics=tuple(curves),
        artifacts=(*_before(run, ledger), *_choice(run)),
        tags=in_order(tags),
        note=notes.of_run(run, base, turns),
        reads=bases,
        gives=() if best is None else (best,),
    )


def _before(run: Run, ledger: Ledger) -> Iterator[Artifact]:
    """What there was before the first plan, such as skills, and what it took."""
    first = run.iterations[0]
    yield from turn_artifacts(first)
    for artifact in teaching.artifacts(first, ledger):
        yield replace(artifact, path=artifact.path.replace("ledger.json", "before-teaching.json"))


def _choice(run: Run) -> Iterator[Artifact]:
    """Which student is best, with the selection scores that say so."""
    for stage in run.closing:
        if stage.kind == "select" and stage.done:
            yield text_artifact("selection/choice.json", stage.port("choice") / "choice.json")


def _colour(results: Results, arm: str) -> str:
    return PALETTE[results.index.arms.index(arm) % len(PALETTE)]


def _students(run: Run) -> str:
    """The store directories of the run's students, in order."""
    names = []
    for turn in run.iterations:
        names += [stage.path.name for stage in (*turn.of("student"), *turn.of("train"))]
    return " ".join(names)[:LONGEST]


def _with_axes(metrics: Sequence[Metric], cost: Cost | None, taught: int) -> Iterator[Metric]:
    """One iteration's metrics, and accuracy with other steps: examples, tokens and seconds.

    Examples are those that the student was taught; tokens and seconds all that it took, also for
    another arm's student that its agent observes.
    """
    yield from metrics
    if cost is None:
        return
    axes = {"examples": taught, "tokens": cost.all_tokens, "seconds": round(cost.seconds)}
    for metric in metrics:
        if metric.key != "selection/accuracy":
            continue
        for axis, step in axes.items():
            yield Metric(
                key=f"selection/accuracy_by_{axis}",
                value=metric.value,
                step=step,
                timestamp=metric.timestamp,
            )
