"""A student's answers to one split, or to candidates: per item the prediction and its score."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.load import scorer
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.table import Completion, backend
from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.records.examples import ITEM_FIELDS
from dataenvgym_spec.records.files import Row, read_json, read_rows, write_rows
from dataenvgym_spec.records.items import Item


def evaluate(context: Context) -> None:
    """Writes one row per item and student. With a `choice`, the students it names are scored, each once."""
    params = context.params
    students = _students(context)
    base = context.ports("base")[0].path if context.ports("base") else None
    prompt = Prompt(params["template"])
    with context.phase("score: start"):
        score = scorer(params["score"])
    items = {
        read.port: _items(read) for read in (*context.ports("items"), *context.ports("candidates"))
    }
    prompts = [prompt.render(item) for members in items.values() for item in members]
    rows: dict[str, list[Row]] = {port: [] for port in items}
    tokens = {"prompt": 0, "generated": 0}
    for iteration, path in (
        students.items() if prompts else ()
    ):  # a refill that was not needed has no candidates
        answers = _answers(context, path, base, prompts)
        tokens["prompt"] += sum(answer.prompt_tokens for answer in answers)
        tokens["generated"] += sum(answer.tokens for answer in answers)
        with context.phase("score"):
            position = iter(answers)
            for port, members in items.items():
                rows[port] += [_row(item, next(position), score, iteration) for item in members]
    for port, found in rows.items():
        write_rows(context.out(port, "results.jsonl"), found)
        context.say(
            f"  {port}: {sum(row['correct'] for row in found) / max(1, len(found)):.3f} of {len(found)} answers right"
        )
    context.record(tokens=tokens, items=len(prompts), students=len(students))


def _items(read: PortRead) -> list[Item]:
    """The items of a split, or candidates as items."""
    if read.slot == "items":
        return [Item(**row) for row in read_rows(read.path / "items.jsonl")]
    return [
        Item(**{name: row[name] for name in ITEM_FIELDS})
        for row in read_rows(read.path / "examples.jsonl")
    ]


def _students(context: Context) -> dict[int | None, Path]:
    """The students to score, by iteration where a choice names them."""
    paths = [read.path for read in context.ports("student")]
    if not context.ports("choice"):
        return {None: paths[0]}
    choice = read_json(context.path("choice", "choice.json"))
    return {number: paths[number - 1] for number in sorted({choice["best"], choice["last"]})}


def _answers(
    context: Context, student: Path, base: Path | None, prompts: list[str]
) -> list[Completion]:
    options = context.params["generate"]
    with context.phase("load"):
        engine = backend(options, student=student, base=base)
    with context.phase("generate"):
        answers = engine.generate(prompts)
    context.record(device=engine.device, precision=options["dtype"], backend=options["backend"])
    return answers


def _row(item: Item, answer: Completion, scorer: Scorer, iteration: int | None) -> Row:
    score = scorer.score(answer.text, item)
    row: Row = {
        "id": item.id, "group": item.group, "input": item.input, "target": item.target, "prediction": answer.text,
        "score": score.value, "correct": score.correct, "unparseable": not score.parsed, "truncated": answer.truncated,
    }  # fmt: skip
    return row if iteration is None else {"iteration": iteration, **row}
