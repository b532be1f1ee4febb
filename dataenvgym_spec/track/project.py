"""Results as records of runs: one per arm and seed, one per iteration below it, one summary per arm. Pure: no server, no MLflow.

The sealed test is not read here; `summary.py` is the only one that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.results.costs import Cost, Ledger, costs, ledger
from dataenvgym_spec.results.experiment import Iteration, Results, Run, StageResult
from dataenvgym_spec.track.iteration import iteration_metrics, iteration_record
from dataenvgym_spec.track.naming import flatten
from dataenvgym_spec.track.runs import ExperimentRecord, Metric, RunRecord
from dataenvgym_spec.track.summary import summary_record

FORMAT: Final = 1
"""Raised when the names of metrics, params or runs change, so that runs of the older form are replaced."""

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
    book = ledger(results)
    plans = plans_of(results)
    runs: list[RunRecord] = []
    for run in results.runs:
        runs += _run_records(results, run, book, plans)
    for arm in results.index["arms"]:
        record = summary_record(
            results, arm, book, plans[f"{results.name}/{arm}/summary"], _colour(results, arm)
        )
        runs += [record] if record else []
    return ExperimentRecord(
        name=results.name,
        description=results.index.get("description", ""),
        runs=tuple(runs),
        plans=plans,
    )


def plans_of(results: Results) -> dict[str, str]:
    """The plan of every run that the experiment can have, by id: a digest of the stages it names and of the settings it shows."""
    plans = {}
    for run in results.runs:
        name = run_id(results, run)
        settings = results.settings[run.arm]
        stages = [[stage.key for stage in turn.stages] for turn in run.iterations]
        plans[name] = digest(
            "track plan", [FORMAT, settings, stages, [stage.key for stage in run.closing]]
        )[:32]
        for turn in run.iterations:
            plans[f"{name}/iteration-{turn.number}"] = digest(
                "track plan", [FORMAT, stages[turn.number]]
            )[:32]
    for arm in results.index["arms"]:
        seeds = [plans[run_id(results, run)] for run in results.runs if run.arm == arm]
        contrasts = [
            [
                item,
                [plans[run_id(results, run)] for run in results.runs if run.arm == item["against"]],
            ]
            for item in _contrasts(results, arm)
        ]
        plans[f"{results.name}/{arm}/summary"] = digest("track plan", [FORMAT, seeds, contrasts])[
            :32
        ]
    return plans


def run_id(results: Results, run: Run) -> str:
    """Who a run is: the same on every machine and every time."""
    return f"{results.name}/{run.arm}/seed-{run.seed}"


def _contrasts(results: Results, arm: str) -> list[dict[str, Any]]:
    return [item for item in results.index.get("contrasts", []) if item["arm"] == arm]


def _run_records(
    results: Results, run: Run, book: Ledger, plans: Mapping[str, str]
) -> list[RunRecord]:
    """A run and its iterations, as far as they have begun. The base student comes first; before it there is nothing to show."""
    first = book.started(run.iterations[0].stages[0])
    if first is None:
        return []
    name = run_id(results, run)
    level = results.settings[run.arm]["environment"]
    shared = (
        ("arm", run.arm),
        ("experiment", results.name),
        ("level", level),
        ("mlflow.runColor", _colour(results, run.arm)),
        ("seed", str(run.seed)),
    )
    spent = costs(run, book)
    stages = [stage for turn in run.iterations for stage in turn.stages] + list(run.closing)
    stopped = (
        (("stopped", f"on selection, after iteration {run.stopped}"),)
        if run.stopped is not None
        else ()
    )
    top = RunRecord(
        id=name,
        name=f"{run.arm}, seed {run.seed}",
        plan=plans[name],
        # A millisecond apart, for MLflow lists the newest first: the runs in the order of the spec, then the summaries.
        start=first - results.runs.index(run),
        end=end(stages, book),
        params=tuple(
            sorted(
                {
                    **dict(flatten(results.settings[run.arm])),
                    "arm": run.arm,
                    "seed": str(run.seed),
                }.items()
            )
        ),
        metrics=tuple(_curves(run, book, spent)),
        tags=tuple(sorted((*shared, *stopped, ("kind", "run"), ("keys", _students(run))))),
    )
    turns = (
        iteration_record(results, turn, book, spent, plans, top, shared)
        for turn in run.iterations[: 1 + run.reached]
    )
    return [top, *(turn for turn in turns if turn)]


def _colour(results: Results, arm: str) -> str:
    return PALETTE[list(results.index["arms"]).index(arm) % len(PALETTE)]


def _students(run: Run) -> str:
    """The store directories of the run's students, in order."""
    return " ".join(
        stage.path.name
        for turn in run.iterations
        for stage in (*turn.of("student"), *turn.of("train"))
    )[:7900]


def end(stages: Iterable[StageResult], book: Ledger) -> int | None:
    """When the last of some stages ended, in ms; None if any is still to be done."""
    ends = [book.ended(stage) for stage in stages]
    known = [time for time in ends if time is not None]
    return max(known) if len(known) == len(ends) else None


def _curves(run: Run, book: Ledger, spent: Mapping[int, Cost]) -> list[Metric]:
    out: list[Metric] = []
    for turn in run.iterations[: 1 + run.reached]:
        out += iteration_metrics(turn, book, spent.get(turn.number))
        out += _other_axes(turn, book, spent.get(turn.number))
    return out


def _other_axes(turn: Iteration, book: Ledger, cost: Cost | None) -> list[Metric]:
    """Accuracy once more, with examples, tokens and seconds in the place of the step."""
    found = [
        metric
        for metric in iteration_metrics(turn, book, None)
        if metric.key == "selection/accuracy"
    ]
    if not found or cost is None:
        return []
    (accuracy,) = found
    axes = {"examples": cost.examples, "tokens": cost.tokens, "seconds": round(cost.seconds)}
    return [
        Metric(
            key=f"selection/accuracy_by_{axis}",
            value=accuracy.value,
            step=step,
            timestamp=accuracy.timestamp,
        )
        for axis, step in axes.items()
    ]
