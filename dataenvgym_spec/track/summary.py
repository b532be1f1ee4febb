"""The summary run of an arm over its seeds: the only place where scores on the sealed test are shown, so that nobody selects by them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.results.costs import Ledger
from dataenvgym_spec.results.experiment import Results, Run
from dataenvgym_spec.track.iteration import accuracy, evaluation
from dataenvgym_spec.track.naming import slug
from dataenvgym_spec.track.runs import Artifact, Metric, RunRecord

STUDENTS = ("base", "best", "last")


def summary_record(
    results: Results, arm: str, book: Ledger, plan: str, colour: str
) -> RunRecord | None:
    """The summary of one arm. A figure appears when every seed has it, so that it never changes; None before any has begun."""
    runs = [run for run in results.runs if run.arm == arm]
    start = book.started(runs[0].iterations[0].stages[0])
    if start is None:
        return None
    ends = [book.ended(stage) for run in runs for stage in _stages(run)]
    known = [when for when in ends if when is not None]
    level = results.settings[arm]["environment"]
    tags = {
        "arm": arm,
        "experiment": results.name,
        "kind": "summary",
        "level": level,
        "mlflow.runColor": colour,
    }
    tags["seeds"] = " ".join(str(run.seed) for run in runs)
    return RunRecord(
        id=f"{results.name}/{arm}/summary",
        name=f"{arm}, summary",
        plan=plan,
        start=start - len(results.runs) - list(results.index["arms"]).index(arm),
        end=max(known) if len(known) == len(ends) else None,
        params=(("arm", arm), ("seeds", str(len(runs)))),
        metrics=(*_selection(runs, book), *_test(runs, book), *_contrasts(results, runs, book)),
        artifacts=tuple(_artifacts(results)),
        tags=tuple(sorted(tags.items())),
    )


def wilson(correct: int, items: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95% interval of a share (Wilson, 1927).

    >>> [round(bound, 3) for bound in wilson(5, 10)]
    [0.237, 0.763]
    """
    share, spread = correct / items, z * z / items
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / items + spread / (4 * items)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _stages(run: Run) -> list[Any]:
    return [stage for turn in run.iterations for stage in turn.stages] + list(run.closing)


def _selection(runs: Sequence[Run], book: Ledger) -> list[Metric]:
    """Mean selection accuracy over the seeds; step = iteration. Once a seed has stopped, its last student stays in the mean."""
    out = []
    for number in range(1 + max(run.reached for run in runs)):
        stages = [evaluation(run.standing(number), "selection") for run in runs]
        times = [when for stage in stages if stage and (when := book.ended(stage)) is not None]
        scores = [
            accuracy(rows)
            for stage in stages
            if stage and (rows := stage.rows("selection", "results.jsonl"))
        ]
        if len(times) == len(scores) == len(runs):
            out.append(
                Metric(
                    key="selection/accuracy_mean",
                    value=sum(scores) / len(scores),
                    step=number,
                    timestamp=max(times),
                )
            )
    return out


def _test(runs: Sequence[Run], book: Ledger) -> list[Metric]:
    out: list[Metric] = []
    for student in STUDENTS:
        when = _when(runs, student, book)
        if when is None:
            continue
        values = _figures([run.sealed(student) for run in runs])
        out += [
            Metric(key=f"test/{student}{name}", value=value, step=0, timestamp=when)
            for name, value in values.items()
        ]
    return out


def _figures(sealed: Sequence[Sequence[dict[str, Any]]]) -> dict[str, float]:
    """Mean and number of items; the interval over items for one seed, the standard deviation over several."""
    scores = [accuracy(rows) for rows in sealed]
    mean = sum(scores) / len(scores)
    values = {"": mean, "_items": float(len(sealed[0]))}
    if len(sealed) == 1:
        values["_low"], values["_high"] = wilson(
            sum(bool(row["correct"]) for row in sealed[0]), len(sealed[0])
        )
    else:
        values["_deviation"] = math.sqrt(
            sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
        )
    return values


def _when(runs: Sequence[Run], student: str, book: Ledger) -> int | None:
    """When the last seed's score of a student was there; None if any has none yet."""
    times: list[int] = []
    for run in runs:
        base = evaluation(run.iterations[0], "test")
        stages = (
            ([base] if base else [])
            if student == "base"
            else [stage for stage in run.closing if stage.kind == "evaluate"]
        )
        times += [
            when
            for stage in stages
            if (when := book.ended(stage)) is not None and run.sealed(student)
        ]
    return max(times) if len(times) == len(runs) else None


def _contrasts(results: Results, runs: Sequence[Run], book: Ledger) -> list[Metric]:
    """Mean differences to other arms on the sealed test, as the spec declares them."""
    out = []
    for item in results.index.get("contrasts", []):
        student = item["student"]
        others = [run for run in results.runs if run.arm == item["against"]]
        times = [_when(group, student, book) for group in (runs, others)]
        known = [when for when in times if when is not None]
        if item["arm"] == runs[0].arm and item["split"] == "test" and others and len(known) == 2:
            ours, theirs = (
                [accuracy(run.sealed(student)) for run in group] for group in (runs, others)
            )
            difference = sum(ours) / len(ours) - sum(theirs) / len(theirs)
            out.append(
                Metric(
                    key=f"test/{student} minus {student} of {slug(item['against'])}",
                    value=difference,
                    step=0,
                    timestamp=max(known),
                )
            )
    return out


def _artifacts(results: Results) -> list[Artifact]:
    """The report, once it is made."""
    folder = results.layout.report(results.name)
    files = [folder / "index.html", folder / "metrics.json"]
    return [
        Artifact(path=f"report/{file.name}", digest=file_digest(file)[:16], file=file)
        for file in files
        if file.is_file()
    ]
