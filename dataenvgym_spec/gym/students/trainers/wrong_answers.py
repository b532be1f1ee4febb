"""Worse answers than the examples' own, of which preferences are learned.

One was written with the example, or is what the student itself says: it is asked before it is
trained, and the scorer of the task judges what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from accelerate import PartialState

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.backends.protocol import GenerationSettings
from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend
from dataenvgym_spec.gym.students.trainers.protocol import Job, Pair, TrainingExample
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.records.files import read_all, write_rows

SIDE_BY_SIDE: Final = 64
"""Prompts that the student answers at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which worse answers are learned from; options of every method that compares answers.

    Attributes:
        worse: what the student says, its `samples`, or what came with the `examples`.
        samples: how often it is asked each question.
        temperature: of drawing its tokens.
        max_new_tokens: of an answer.
    """

    worse: Literal["samples", "examples"]
    samples: int
    temperature: float
    max_new_tokens: int


def worse_answers(
    job: Job, examples: Sequence[TrainingExample], wanted: Wanted
) -> list[str | None]:
    """A worse answer to each example than its own, if there is one.

    Raises:
        StageError: no example has one, though one was to come with them.
    """
    if wanted.worse == "samples":
        worse = _sampled(job, examples, wanted)
    else:
        worse = [example.rejected for example in examples]
    found: list[str | None] = []
    for example, answer in zip(examples, worse, strict=True):
        found.append(None if answer == example.completion else answer)
    if wanted.worse == "examples" and not any(answer is not None for answer in found):
        message = "no example has a worse answer, so there are no pairs to learn from"
        help = "let the engine give worse answers, or set 'worse: samples'"
        raise StageError(message, help=help)
    return found


def shown(example: TrainingExample) -> tuple[str, str]:
    """An example's id, and its prompt as it is shown to people."""
    prompt = example.prompt
    text = prompt if isinstance(prompt, str) else prompt.text
    return "" if example.item is None else example.item.id, text


def _sampled(job: Job, examples: Sequence[TrainingExample], wanted: Wanted) -> list[str | None]:
    """A wrong answer of the student to each example, if it gives one.

    Each process asks a part of the questions. What an earlier attempt was told is read again, since
    the student is another one by then.
    """
    state = PartialState()
    share = examples[state.process_index :: state.num_processes]
    parts = [_answers(job, number, state.num_processes) for number in range(state.num_processes)]
    own = parts[state.process_index]
    if not own.is_file():
        own.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            Pair(id="", prompt="", chosen="", rejected=text) for text in _ask(job, share, wanted)
        ]
        write_rows(own, rows)
    state.wait_for_everyone()
    answers: list[str | None] = [None] * len(examples)
    for number, part in enumerate(parts):
        for place, row in enumerate(read_all(part, Pair)):
            answers[number + place * len(parts)] = row.rejected or None
    return answers


def _answers(job: Job, number: int, processes: int) -> Path:
    """Where a process of several writes what it was told."""
    return job.checkpoints / f"wrong-{number}-of-{processes}.jsonl"


def _ask(job: Job, examples: Sequence[TrainingExample], wanted: Wanted) -> Iterator[str]:
    """The first wrong answer of the student to each example; empty if it gives none."""
    assert job.judge is not None
    settings = GenerationSettings(
        dtype=job.settings.dtype,
        max_new_tokens=wanted.max_new_tokens,
        batch_size=SIDE_BY_SIDE,
        temperature=wanted.temperature,
    )
    backend = TransformersBackend(settings=settings, model=job.base, adapter=job.start)
    asked = [example for example in examples for _ in range(wanted.samples)]
    seeds = []
    for example in examples:
        named = "" if example.item is None else example.item.id
        for number in range(wanted.samples):
            seeds.append(seed_from("pairs", job.seed, named, number))
    said = backend.generate([example.prompt for example in asked], seeds)
    judged = []
    for example, one in zip(asked, said, strict=True):
        assert example.item is not None
        judged.append((example.item, Answer(text=one.text, truncated=one.truncated)))
    scores = job.judge.score(judged)
    for start in range(0, len(asked), wanted.samples):
        tried = range(start, start + wanted.samples)
        # One that was cut has no end, and is worse for that alone.
        wrong = [n for n in tried if not scores[n].correct and not said[n].truncated]
        yield next((said[n].text for n in wrong if said[n].text), "")
