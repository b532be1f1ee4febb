"""The report's numbers for programs: records, `metrics.json` and `curves.csv`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from dataenvgym_spec.results.evidence.scores import Contrast, Outcome, outcomes
from dataenvgym_spec.results.evidence.statistics import Estimate
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.results.study import Study

Row = dict[str, Any]

_COLUMNS = ("arm", "seed", "iteration", "examples", "split", "accuracy", "ci_low", "ci_high")


def records(results: Results) -> list[Row]:
    """One record per arm, seed and student (base, best, last) on the sealed test; empty before it was evaluated."""
    return [record(outcome) for outcome in outcomes(results)]


def record(outcome: Outcome) -> Row:
    """One student's outcome as plain data."""
    return {
        "arm": outcome.arm,
        "seed": outcome.seed,
        "student": outcome.student,
        "iteration": outcome.iteration,
        "split": "test",
        **_estimate("accuracy", outcome.accuracy),
        "items": outcome.items,
        "examples": outcome.examples,
        "unparseable": outcome.unparseable,
        "truncated": outcome.truncated,
    }


def _estimate(name: str, estimate: Estimate) -> Row:
    return {
        name: round(estimate.value, 6),
        "ci_low": round(estimate.low, 6),
        "ci_high": round(estimate.high, 6),
        "ci_covers": estimate.covers,
    }


def contrast_record(contrast: Contrast) -> Row:
    """One contrast as plain data; `p` is McNemar's and belongs to a single run."""
    pair = contrast.runs[0][1]
    single = (
        {"p": round(pair.p, 6), "only_arm": pair.gained, "only_against": pair.lost}
        if len(contrast.runs) == 1
        else {}
    )
    return {
        "arm": contrast.arm,
        "against": contrast.against,
        "student": contrast.student,
        "split": "test",
        "primary": contrast.primary,
        "seeds": len(contrast.runs),
        **_estimate("difference", contrast.difference),
        "items": contrast.items,
        **single,
    }


def metrics(study: Study) -> str:
    """The text of `metrics.json`: nested, so that `dvc metrics diff` compares each number with its own."""
    arms: dict[str, dict[str, Row]] = {arm: {} for arm in study.arms}
    for outcome in study.summaries:
        arms[outcome.arm][outcome.student] = _without(
            record(outcome), "arm", "student", "split", "seed"
        )
    if len(study.seeds) > 1:
        for outcome in study.outcomes:
            runs = arms[outcome.arm][outcome.student].setdefault("runs", {})
            runs[str(outcome.seed)] = _without(record(outcome), "arm", "student", "split", "seed")
    content: Row = {
        "arms": arms,
        **({"caveats": list(study.caveats)} if study.caveats else {}),
        "contrasts": {
            f"{item.arm} - {item.against}, {item.student}": contrast_record(item)
            for item in study.contrasts
        },
        "cost": {
            **_cost(study.ledger.total),
            "kinds": {cost.name: _cost(cost) for cost in study.ledger.kinds},
            "arms": {cost.name: _cost(cost) for cost in study.ledger.arms},
            "shared": _cost(study.ledger.shared),
        },
    }
    stopped = [curve for curve in study.curves if curve.stopped is not None]
    if stopped:
        content["stopped"] = {
            arm: {str(curve.seed): curve.stopped for curve in stopped if curve.arm == arm}
            for arm in {curve.arm for curve in stopped}
        }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _cost(cost: Cost) -> Row:
    return {"stages": cost.stages, "seconds": round(cost.seconds, 3), "tokens": cost.tokens}


def curves_csv(study: Study) -> str:
    """The text of `curves.csv`: every point of every run, and the sealed students as points of the split `test`."""
    rows = [
        {
            "arm": curve.arm,
            "seed": curve.seed,
            "iteration": point.iteration,
            "examples": point.examples,
            "split": "selection",
        }
        | _estimate("accuracy", point.accuracy)
        for curve in study.curves
        for point in curve.points
    ]
    return _csv([*rows, *_sealed(study)])


def _sealed(study: Study) -> Iterable[Row]:
    """Each sealed student once: best and last can be the same."""
    seen: dict[tuple[str, int | None, int | None], Row] = {}
    for outcome in study.outcomes:
        seen.setdefault((outcome.arm, outcome.seed, outcome.iteration), record(outcome))
    return seen.values()


def _csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
