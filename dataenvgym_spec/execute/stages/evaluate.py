"""A student's answers to one split, or to candidates: per item the prediction and its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.prompts import prompts_of, require_unseen, unseen
from dataenvgym_spec.execute.salting import batches, salted
from dataenvgym_spec.execute.warm.engines import kept_engine
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.gym.prompt import Prompt, Prompts
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.gym.students.backends.protocol import (
    Backend,
    Completion,
    GenerationSettings,
)
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.evaluations import Choice, Result, Sample
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all, write_rows
from dataenvgym_spec.records.items import Item


def evaluate(context: Context[EvaluateParams]) -> None:
    """Writes one row per item and student.

    With a `choice`, the students it names are scored, each once.

    Raises:
        StageError: prompts show the answer to an item of a split.
    """
    students, base = _students(context), _base(context)
    students_count = len(students)
    with context.phase("score: start"):
        judge = context.judge(context.params.score)
    items = _items(context)
    prompts = prompts_of(context)
    if "pool" in items:  # what prompts show of it is answered already
        items["pool"] = unseen(prompts.shots, items["pool"])
    if not context.ports("candidates"):  # an example may well be one that is shown
        require_unseen(prompts.shots, chain.from_iterable(items.values()))
    asked = _asked(context.params, prompts, items)
    rows: dict[str, list[Result]] = {port: [] for port in items}
    tokens = {"prompt": 0, "generated": 0}
    if not asked.items:  # a refill that was not needed has no candidates
        students = {}
    else:
        judge.start()
    for iteration, path in students.items():
        answers = _answers(context, path, base, asked)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a student is asked: each item as often as answers to it are drawn.

    Attributes:
        items: of all ports.
        seeds: one a prompt where answers are drawn; else none.
        samples: answers to each item.
        batches: places in these, in the order in which they are asked and judged; one list, but in
            a salted copy.
    """

    items: Sequence[Item]
    prompts: Sequence[Prompt]
    seeds: Sequence[int]
    samples: int
    batches: Sequence[Sequence[int]]


def _asked(params: EvaluateParams, ask: Prompts, items: dict[str, Sequence[Item]]) -> Asked:
    samples = params.generate.samples
    seed = None if params.seed is None else salted(params.seed, params.salt)
    asked: list[Item] = []
    prompts: list[Prompt] = []
    seeds: list[int] = []
    for item in chain.from_iterable(items.values()):
        prompt = ask.prompt(item)
        for number in range(samples):
            asked.append(item)
            prompts.append(prompt)
            if params.generate.draws:
                # Students answer an item under the same seeds: what differs is the student.
                seeds.append(seed_from("answer", seed, item.id, number))
    order = batches(len(asked), params.generate.batch_size, params.salt)
    return Asked(items=asked, prompts=prompts, seeds=seeds, samples=samples, batches=order)


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
    ports = context.ports("student")
    choice = context.one("choice", "choice.json", Choice)
    if choice is None:
        return {None: context.folder(ports[0])}
    wanted = sorted({choice.best, choice.last})
    return {number: context.folder(ports[number - 1]) for number in wanted}


def _base(context: Context[EvaluateParams]) -> Path | None:
    """The base of students that are adapters."""
    ports = context.ports("base")
    return context.folder(ports[0]) if ports else None


def _answers(
    context: Context[EvaluateParams], student: Path, base: Path | None, asked: Asked
) -> list[Completion]:
    params = context.params
    settings = GenerationSettings.parse(params.plain["generate"])
    files = context.files
    with ExitStack() as stack:
        with context.phase("load"):
            kept = kept_engine(
                params.backend, settings=settings, student=student, base=base, files=files
            )
            engine = stack.enter_context(kept) or load_backend(
                params.backend, settings=settings, student=student, base=base, files=files
            )
        with context.phase("generate"):
            answers = _generated(engine, asked)
    context.record(device=engine.device, precision=settings.dtype, backend=params.backend.kind)
    gpus = getattr(engine, "gpus", 1)
    if gpus > 1:
        context.record(gpus=gpus)
    return answers


def _generated(engine: Backend, asked: Asked) -> list[Completion]:
    """What the student writes, in the order of the prompts."""
    written: dict[int, Completion] = {}
    for batch in asked.batches:
        prompts = [asked.prompts[place] for place in batch]
        if asked.seeds:
            answers = engine.generate(prompts, [asked.seeds[place] for place in batch])
        else:
            answers = engine.generate(prompts)
        written.update(zip(batch, answers, strict=True))
    return [written[place] for place in range(len(asked.prompts))]


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
