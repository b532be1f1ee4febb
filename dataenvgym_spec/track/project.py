"""Results as records of runs.

One per arm and seed, one per iteration below it, one summary per arm.

Pure: no server, no MLflow. The sealed test is not read here; `summary` is the only one that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.results.evidence.contrasts import comparisons
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.fates import at_work
from dataenvgym_spec.results.ledger import Cost, Ledger, read_ledger
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.teaching import teaching_costs
from dataenvgym_spec.track.iteration import (
    LONGEST,
    Parent,
    draw_metrics,
    iteration_metrics,
    iteration_record,
    text_artifact,
    tokens,
)
from dataenvgym_spec.track.naming import flatten, level_of
from dataenvgym_spec.track.noise import copied
from dataenvgym_spec.track.runs import Artifact, ExperimentRecord, Metric, RunRecord
from dataenvgym_spec.track.summary import summary_record

FORMAT: Final = 1
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
    for run in results.runs:
        runs += _run_records(results, run, ledger, plans)
    for arm in results.index.arms:
        plan = plans[f"{results.name}/{arm}/summary"]
        colour = _colour(results, arm)
        record = summary_record(results, arm, ledger, plan, colour, answers)
        if record is not None:
            runs.append(record)
    index = results.index
    return ExperimentRecord(
        name=index.name, description=index.description, runs=tuple(runs), plans=plans
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
        for turn in run.iterations:
            plans[f"{name}/iteration-{turn.number}"] = _plan(stages[turn.number])
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
    results: Results, run: Run, ledger: Ledger, plans: Mapping[str, str]
) -> list[RunRecord]:
    """A run and its iterations, as far as they have begun.

    The base student comes first; before it there is nothing to show.
    """
    first = ledger.started(run.iterations[0].stages[0])
    if first is None:
        return []
    shared = {
        "arm": run.arm,
        "experiment": results.name,
        "level": level_of(results.settings[run.arm]),
        "mlflow.runColor": _colour(results, run.arm),
        "seed": str(run.seed),
    }
    turns, costs = run.iterations[: 1 + run.reached], teaching_costs(run, ledger)
    curves, checks = draw_metrics(run, ledger), tuple(at_work(results, run.arm))
    metrics = []
    for turn in turns:
        cost = costs.get(turn.number)
        own = iteration_metrics(run, turn, ledger, cost, checks)
        metrics.append(own)
        curves += _with_axes(own, cost)
    top = _run_record(results, run, ledger, shared, curves, plans, first)
    parent = Parent(record=top, tags=shared)
    records = [top]
    for turn, own in zip(turns, metrics, strict=True):
        record = iteration_record(results, turn, ledger, parent, metrics=own, plans=plans)
        if record is not None:
            records.append(record)
    return records


def _run_record(
    results: Results,
    run: Run,
    ledger: Ledger,
    shared: Mapping[str, str],
    curves: Sequence[Metric],
    plans: Mapping[str, str],
    first: int,
) -> RunRecord:
    name = run_id(results, run)
    tags = {**shared, "kind": "run", "keys": _students(run)}
    if run.stopped is not None:
        tags["stopped"] = f"on selection, after iteration {run.stopped}"
    params = dict(flatten(results.settings[run.arm])) | {"arm": run.arm, "seed": str(run.seed)}
    return RunRecord(
        id=name,
        name=f"{run.arm}, seed {run.seed}",
        plan=plans[name],
        # A millisecond apart, for MLflow lists the newest first: the runs in the order of the
        # spec, then the summaries.
        start=first - results.runs.index(run),
        end=ledger.all_ended(run.stages),
        params=tuple(sorted(params.items())),
        metrics=tuple(curves),
        artifacts=tuple(_choice(run)),
        tags=tuple(sorted(tags.items())),
    )


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


def _with_axes(metrics: Sequence[Metric], cost: Cost | None) -> Iterator[Metric]:
    """One iteration's metrics, and accuracy with other steps: examples, tokens and seconds."""
    yield from metrics
    if cost is None:
        return
    axes = {"examples": cost.examples, "tokens": tokens(cost), "seconds": round(cost.seconds)}
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
