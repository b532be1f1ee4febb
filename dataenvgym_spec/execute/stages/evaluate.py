"""A student's answers to one split, or to candidates: per item the prediction and its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from dataenvgym_spec.execute.answering import Known, answered, keeper_of
from dataenvgym_spec.execute.asked import Asked, base_of, students_of, what_is_asked
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.shards.kept import Gathered
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.evaluations import Result, Sample
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item


def evaluate(context: Context[EvaluateParams]) -> None:
    """Writes one row per item and student.

    With a `choice`, the students it names are scored, each once.

    Raises:
        StageError: prompts show the answer to an item of a split.
    """
    students, base = students_of(context), base_of(context)
    students_count = len(students)
    with context.phase("score: start"):
        judge = context.judge(context.params.score)
    asked = what_is_asked(context)
    items = asked.ports
    there, keeper = _there(context, asked), keeper_of(context, asked)
    rows: dict[str, list[Result]] = {port: [] for port in items}
    tokens = {"prompt": 0, "generated": 0}
    if not asked.items:  # a refill that was not needed has no candidates
        students = {}
    else:
        judge.start()
    for iteration, path in students.items():
        known = Known(student=iteration, there=there.of(iteration), keeper=keeper)
        answers = answered(context, path, base, asked, known)
        tokens["prompt"] += sum(answer.prompt_tokens for answer in answers)
        tokens["generated"] += sum(answer.tokens for answer in answers)
        with context.phase("score"):
            scores = _scored(judge, asked, answers)
        drawn = _by_item(list(map(_sample, answers, scores)), asked.samples)
        for port, members in items.items():
            rows[port] += [_row(item, next(drawn), iteration) for item in members]
    for port, results in rows.items():
        write_rows(context.out(port, "results.jsonl"), results)
        right = sum(row.correct for row in results) / max(1, len(results))
        context.say(f"  {port}: {right:.3f} of {len(results)} answers right")
    unreadable = judge.unreadable.most_common()
    if unreadable:
        causes = ", ".join(f"{count} {cause}" for cause, count in unreadable)
        context.say(f"  answers that could not be judged: {causes}")
    count = sum(map(len, items.values()))
    context.record(tokens=tokens, items=count, students=students_count)


def _there(context: Context[EvaluateParams], asked: Asked) -> Gathered:
    """What other processes have had students answer, which counts as this stage's work."""
    if context.shards is None:
        return Gathered()
    found = context.shards.answers(len(asked.prompts), context.say)
    context.shared(found)
    return found


def _scored(judge: Judge, asked: Asked, completions: Sequence[Completion]) -> list[Score]:
    """How answers score, in the order of the prompts."""
    order = list(chain.from_iterable(asked.batches))
    pairs = [_pair(asked.items[place], completions[place]) for place in order]
    scores = dict(zip(order, judge.score(pairs), strict=True))
    return [scores[place] for place in range(len(order))]


def _pair(item: Item, completion: Completion) -> tuple[Item, Answer]:
    """An item with what the student wrote, as the scorer sees it."""
    return item, Answer(text=completion.text, truncated=completion.truncated)


def _by_item(judged: list[Sample], samples: int) -> Iterator[list[Sample]]:
    """The answers to each item."""
    for start in range(0, len(judged), samples):
        yield judged[start : start + samples]


def _sample(answer: Completion, score: Score) -> Sample:
    return Sample(
        prediction=answer.text,
        score=score.value,
        correct=score.correct,
        unparseable=not score.parsed,
        truncated=answer.truncated,
    )


def _row(item: Item, drawn: Sequence[Sample], iteration: int | None) -> Result:
    first = drawn[0]
    return Result(
        id=item.id,
        group=item.group,
        input=item.input,
        target=item.target,
        prediction=first.prediction,
        score=first.score,
        correct=first.correct,
        unparseable=first.unparseable,
        truncated=first.truncated,
        iteration=iteration,
        cluster=item.cluster if item.cluster != item.id else None,
        samples=tuple(drawn) if len(drawn) > 1 else (),
        images=item.pictures,
        slices=item.slices,
        before=item.before,
        tools=item.tools,
    )
