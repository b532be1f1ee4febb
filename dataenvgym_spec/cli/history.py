"""All that was answered to an item, and what a student changed: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.cli.replies import text_lines
from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.core.shown import told_apart
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.answered import Answered, History, Showing
from dataenvgym_spec.results.effects import Change, Effect

MOST: Final = 8
"""Ids that people are shown of a list."""
LONGEST: Final = 70


def history_lines(history: History) -> Iterator[str]:
    """An item and all answers to it, for people."""
    item = history.item
    yield f"{visible(item.id)}  an item of {visible(item.group)}"
    yield from text_lines("input", item.input)
    yield from text_lines("target", item.target)
    predictions = [answer.row.prediction for answer in history.answers]
    texts = [visible(text, limit=len(text)) for text in predictions]
    said = dict(zip(predictions, told_apart(texts, LONGEST), strict=True))
    for place, answers in groupby(history.answers, key=_place):
        yield f"answered {place}"
        for answer in answers:
            yield _answer_line(answer, said[answer.row.prediction])
    for showing in history.shown:
        stage = showing.stage
        yield f"shown    {stage.uses[0].label}, store/{stage.path.name}"
        yield f"   for {_examples(showing)}"
    if not history.shown:
        yield "shown    to no teacher as an error"


def _place(answer: Answered) -> str:
    baseline = f", prompt {answer.baseline}" if answer.baseline else ""
    copy = f", noise floor, {answer.copy}" if answer.copy else ""
    run = f"{answer.experiment}, {answer.arm}, run seed {answer.seed}"
    return f"{run}, {visible(answer.split)}{baseline}{copy}"


def _answer_line(answer: Answered, said: str) -> str:
    who = f"iteration {answer.iteration}" if answer.iteration else "base"
    turned = f" ({answer.turned})" if answer.turned else ""
    return f"   {who:12} {_verdict(answer.row) + turned:18} {said}".rstrip()


def _verdict(row: Result) -> str:
    if row.correct:
        return "right"
    if row.unparseable:
        return "unparseable"
    return "cut off" if row.truncated else "wrong"


def _examples(showing: Showing) -> str:
    ids = [example.id for example in showing.examples]
    return f"{plural(len(ids), 'example')}: {_listed(ids)}"


def _listed(ids: Sequence[str]) -> str:
    names = ", ".join(visible(id) for id in ids[:MOST])
    left = len(ids) - MOST
    return f"{names} and {left} more" if left > 0 else names


def effect_lines(effects: Sequence[Effect]) -> Iterator[str]:
    """What the students that an example taught fixed and broke, for people."""
    for effect in effects:
        run = f"{effect.experiment}, {effect.arm}, run seed {effect.seed}"
        yield f"then     {run}, the student of iteration {effect.iteration}"
        if not effect.changes:
            yield "   is not evaluated yet"
        for change in effect.changes:
            yield from _change_lines(change)


def _change_lines(change: Change) -> Iterator[str]:
    before = f"iteration {change.before}" if change.before else "the base"
    fixed, broken = len(change.fixed), len(change.broken)
    counts = f"{fixed} fixed, {broken} broken of {plural(change.items, 'item')}"
    yield f"   {change.split}, against {before}: {counts}"
    for word, rows in (("fixed", change.fixed), ("broken", change.broken)):
        if rows:
            yield f"      {word:6} {_listed([row.id for row in rows])}"


def history_record(history: History) -> dict[str, Any]:
    """An item and all answers to it, for programs."""
    item = history.item
    named = {"id": item.id, "group": item.group, "input": item.input, "target": item.target}
    return {
        "item": named,
        "answers": [_answer_record(answer) for answer in history.answers],
        "shown": [_showing_record(showing) for showing in history.shown],
    }


def _answer_record(answer: Answered) -> dict[str, Any]:
    row = answer.row
    return {
        "experiment": answer.experiment,
        "arm": answer.arm,
        "seed": answer.seed,
        "iteration": answer.iteration,
        "split": answer.split,
        "baseline": answer.baseline or None,
        "copy": answer.copy or None,
        "stage": answer.stage.path.name,
        "prediction": row.prediction,
        "verdict": _verdict(row),
        "score": row.score,
        "turned": answer.turned,
    }


def _showing_record(showing: Showing) -> dict[str, Any]:
    stage = showing.stage
    uses = [use.plain() for use in stage.uses]
    examples = [example.id for example in showing.examples]
    return {"stage": stage.path.name, "uses": uses, "examples": examples}


def effect_record(effect: Effect) -> dict[str, Any]:
    """What one student fixed and broke, for programs."""
    changes = []
    for change in effect.changes:
        ids = {
            "fixed": [row.id for row in change.fixed],
            "broken": [row.id for row in change.broken],
        }
        place = {"split": change.split, "before": change.before, "items": change.items}
        changes.append({**place, **ids})
    run = {"experiment": effect.experiment, "arm": effect.arm, "seed": effect.seed}
    return {**run, "iteration": effect.iteration, "changes": changes}
