"""One turn of the loop as metrics, data and a child run. Never reads the sealed test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from dataenvgym_spec.core.hashing import file_digest, text_digest
from dataenvgym_spec.results.costs import Cost, Ledger
from dataenvgym_spec.results.experiment import Iteration, Results, Row, StageResult
from dataenvgym_spec.track.naming import slug
from dataenvgym_spec.track.runs import Artifact, Dataset, Metric, RunRecord


def iteration_metrics(turn: Iteration, book: Ledger, cost: Cost | None) -> list[Metric]:
    """What one iteration adds to the curves of its run; step = iteration. Only what is done."""
    values = [*_selection(turn, book), *_plan(turn, book), *_data(turn, book)]
    trained = next((book.ended(stage) for stage in turn.of("train")), None)
    if cost is not None and trained is not None:
        values += [
            (f"spent/{name}", value, trained)
            for name, value in (
                ("examples", cost.examples),
                ("tokens", cost.tokens),
                ("seconds", cost.seconds),
            )
        ]
    return [
        Metric(key=key, value=float(value), step=turn.number, timestamp=when)
        for key, value, when in values
    ]


def accuracy(rows: Iterable[Row]) -> float:
    """The share of correct answers."""
    marks = [bool(row["correct"]) for row in rows]
    return sum(marks) / len(marks)


def evaluation(turn: Iteration, split: str) -> StageResult | None:
    """The iteration's evaluation on a split, if it is done."""
    return next(
        (
            stage
            for stage in turn.of("evaluate")
            if stage.done and (stage.path / "out" / split).is_dir()
        ),
        None,
    )


Value = tuple[str, float, int]
"""A metric's key and value and the time of the stage it comes from, in ms."""


def _selection(turn: Iteration, book: Ledger) -> list[Value]:
    stage = evaluation(turn, "selection")
    when = book.ended(stage) if stage else None
    rows = stage.rows("selection", "results.jsonl") if stage else []
    if not rows or when is None:
        return []
    groups = sorted({row["group"] for row in rows if row.get("group")})
    by_skill = [
        (
            f"selection/skill/{slug(group)}",
            accuracy(row for row in rows if row["group"] == group),
            when,
        )
        for group in groups
    ]
    return [("selection/accuracy", accuracy(rows), when), *by_skill]


def _plan(turn: Iteration, book: Ledger) -> list[Value]:
    plan = turn.plan
    when = next((book.ended(stage) for stage in turn.of("plan")), None)
    if plan is None or when is None:
        return []
    asked = [
        (f"teaching/allocation/{slug(skill)}", count, when)
        for skill, count in sorted(plan["allocation"].items())
    ]
    seen = [
        (f"teaching/score_seen/{slug(skill)}", score, when)
        for skill, score in sorted(plan.get("scores", {}).items())
    ]
    return [*asked, *seen]


def _data(turn: Iteration, book: Ledger) -> list[Value]:
    """What was generated and what became of it, once all rounds are checked."""
    checks = turn.of("check")
    ends = [when for stage in checks if (when := book.ended(stage)) is not None]
    if not ends or len(ends) < len(checks):
        return []
    counts: Counter[str] = Counter()
    for row in turn.tally.values():
        counts.update(row)
    accepted, judged = counts["accepted"], counts.total() - counts["surplus"]
    values = [
        ("teaching/generated", float(counts.total())),
        ("teaching/accepted", float(accepted)),
        ("teaching/accepted_share", accepted / judged if judged else 0.0),
    ]
    values += [
        (f"teaching/rejected/{slug(check)}", float(count))
        for check, count in sorted(counts.items())
        if check not in {"accepted", "surplus"}
    ]
    return [(key, value, max(ends)) for key, value in values]


def iteration_record(
    results: Results,
    turn: Iteration,
    book: Ledger,
    spent: Mapping[int, Cost],
    plans: Mapping[str, str],
    top: RunRecord,
    shared: tuple[tuple[str, str], ...],
) -> RunRecord | None:
    """The child run of one iteration; None before its first stage is done."""
    start = book.started(turn.stages[0]) if turn.stages else None
    if start is None:
        return None
    name = f"{top.id}/iteration-{turn.number}"
    ends = [when for stage in turn.stages if (when := book.ended(stage)) is not None]
    tags = {
        **dict(shared),
        "kind": "iteration",
        "iteration": str(turn.number),
        "keys": " ".join(stage.path.name for stage in turn.stages)[:7900],
    }
    return RunRecord(
        id=name,
        name=f"{top.name}, {f'iteration {turn.number}' if turn.number else 'base'}",
        plan=plans[name],
        parent=top.id,
        start=start,
        end=max(ends) if len(ends) == len(turn.stages) else None,
        params=tuple(
            sorted(
                {
                    "arm": tags["arm"],
                    "seed": tags["seed"],
                    "iteration": str(turn.number),
                    **_circumstances(turn, book),
                }.items()
            )
        ),
        metrics=(*iteration_metrics(turn, book, spent.get(turn.number)), *_training(turn, book)),
        datasets=tuple(_datasets(results, turn)),
        artifacts=tuple(_artifacts(turn)),
        tags=tuple(sorted(tags.items())),
    )


def _circumstances(turn: Iteration, book: Ledger) -> dict[str, str]:
    log = book.logs.get(turn.training.key, {}) if turn.training else {}
    return {
        f"train.{name}": str(log[name])
        for name in ("device", "precision", "processes", "examples", "steps")
        if name in log
    }


def _training(turn: Iteration, book: Ledger) -> list[Metric]:
    """The training curve; step = optimizer step."""
    stage = turn.training
    start = book.started(stage) if stage else None
    if stage is None or start is None:
        return []
    out = []
    for row in stage.curve():
        when = start + round(row.get("seconds", 0) * 1000)
        out += [
            Metric(key=f"train/{name}", value=float(row[name]), step=row["step"], timestamp=when)
            for name in ("loss", "learning_rate")
            if row.get(name) is not None
        ]
    return out


def _datasets(results: Results, turn: Iteration) -> list[Dataset]:
    """The generated and the accepted examples of every round that has any."""
    out = []
    for kind, port, context in (
        ("generate", "candidates", "generated"),
        ("check", "accepted", "accepted"),
    ):
        for stage in turn.of(kind):
            path = stage.path / "out" / port / "examples.jsonl"
            rows = _lines(stage, port)
            if rows:
                source = path.relative_to(results.layout.root).as_posix()
                out.append(
                    Dataset(
                        name=f"{context} {stage.path.name}",
                        digest=file_digest(path)[:16],
                        rows=rows,
                        source=source,
                        context=context,
                    )
                )
    return out


def _lines(stage: StageResult, port: str) -> int:
    return len(stage.rows(port, "examples.jsonl"))


def _artifacts(turn: Iteration) -> list[Artifact]:
    out = []
    plan = turn.plan
    if plan is not None:
        out += [_text("plan/plan.json", _json(plan)), _text("plan/plan.md", _table(plan))]
    if turn.tally:
        out.append(_text("checks/tally.json", _json(turn.tally)))
    return out


def _text(path: str, text: str) -> Artifact:
    return Artifact(path=path, digest=text_digest(text)[:16], text=text)


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _table(plan: Row) -> str:
    """The plan for people, the skill that gets the most first."""
    scores = plan.get("scores", {})
    lines = ["| skill | score seen | examples asked | why |", "| --- | --- | --- | --- |"]
    for skill, count in sorted(plan["allocation"].items(), key=lambda pair: (-pair[1], pair[0])):
        score = f"{scores[skill]:.3f}" if skill in scores else "not observed"
        lines.append(
            f"| {_cell(skill)} | {score} | {count} | {_cell(plan.get('reasons', {}).get(skill, ''))} |"
        )
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
