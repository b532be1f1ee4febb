"""A student's answers to one split, or to candidates: per item the prediction and its score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.evaluations import Choice, Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all, write_rows
from dataenvgym_spec.records.items import Item


def evaluate(context: Context[EvaluateParams]) -> None:
    """Writes one row per item and student.

    With a `choice`, the students it names are scored, each once.
    """
    students = _students(context)
    bases = context.ports("base")
    prompt = PromptTemplate(context.params.template)
    with context.phase("score: start"):
        judge = context.judge(context.params.score)
    items = _items(context)
    prompts = [prompt.render(item) for members in items.values() for item in members]
    rows: dict[str, list[Result]] = {port: [] for port in items}
    tokens = {"prompt": 0, "generated": 0}
    if not prompts:  # a refill that was not needed has no candidates
        students = {}
    for iteration, path in students.items():
        answers = _answers(context, path, bases[0].path if bases else None, prompts)
        tokens["prompt"] += sum(answer.prompt_tokens for answer in answers)
        tokens["generated"] += sum(answer.tokens for answer in answers)
        with context.phase("score"):
            scores = judge.score(_pairs(items, answers))
        position = iter(zip(answers, scores, strict=True))
        for port, members in items.items():
            for item in members:
                answer, score = next(position)
                rows[port].append(_row(item, answer, score, iteration))
    for port, results in rows.items():
        write_rows(context.out(port, "results.jsonl"), results)
        right = sum(row.correct for row in results) / max(1, len(results))
        context.say(f"  {port}: {right:.3f} of {len(results)} answers right")
    unreadable = judge.unreadable.most_common()
    if unreadable:
        causes = ", ".join(f"{count} {cause}" for cause, count in unreadable)
        context.say(f"  answers that could not be judged: {causes}")
    context.record(tokens=tokens, items=len(prompts), students=len(_students(context)))


def _items(context: Context[EvaluateParams]) -> dict[str, Sequence[Item]]:
    """The items of each split, or candidates as items."""
    items: dict[str, Sequence[Item]] = {}
    for port in context.ports("items"):
        items[port.port] = read_all(port.path / "items.jsonl", Item)
    for port in context.ports("candidates"):
        items[port.port] = _candidates(port)
    return items


def _candidates(port: PortRead) -> list[Item]:
    return [example.item() for example in read_all(port.path / "examples.jsonl", Example)]


def _students(context: Context[EvaluateParams]) -> dict[int | None, Path]:
    """The students to score, by iteration where a choice names them."""
    paths = [port.path for port in context.ports("student")]
    choice = context.one("choice", "choice.json", Choice)
    if choice is None:
        return {None: paths[0]}
    return {number: paths[number - 1] for number in sorted({choice.best, choice.last})}


def _answers(
    context: Context[EvaluateParams], student: Path, base: Path | None, prompts: list[str]
) -> list[Completion]:
    params = context.params
    settings = GenerationSettings.parse(params.plain["generate"])
    with context.phase("load"):
        engine = load_backend(params.backend, settings=settings, student=student, base=base)
    with context.phase("generate"):
        answers = engine.generate(prompts)
    context.record(device=engine.device, precision=settings.dtype, backend=params.backend.kind)
    return answers


def _pairs(
    items: dict[str, Sequence[Item]], completions: Sequence[Completion]
) -> list[tuple[Item, Answer]]:
    """The items of all ports with what the student wrote, as the scorer sees it."""
    asked = [item for members in items.values() for item in members]
    answers = [Answer(text=one.text, truncated=one.truncated) for one in completions]
    return list(zip(asked, answers, strict=True))


def _row(item: Item, answer: Completion, score: Score, iteration: int | None) -> Result:
    return Result(
        id=item.id,
        group=item.group,
        input=item.input,
        target=item.target,
        prediction=answer.text,
        score=score.value,
        correct=score.correct,
        unparseable=not score.parsed,
        truncated=answer.truncated,
        iteration=iteration,
        cluster=item.cluster if item.cluster != item.id else None,
    )
