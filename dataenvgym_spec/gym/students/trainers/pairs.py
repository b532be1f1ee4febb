"""Pairs of a better and a worse answer: the example's own, and a wrong one.

The wrong one was written with the example, or is what the student itself says: it is asked before
it is trained, and the scorer of the task judges what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from accelerate import PartialState

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from, unit_interval
from dataenvgym_spec.gym.students.backends.protocol import GenerationSettings
from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend
from dataenvgym_spec.gym.students.codec import Encoder
from dataenvgym_spec.gym.students.trainers.protocol import Job, Pair, TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import fitted
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.records.files import read_all, write_rows

SIDE_BY_SIDE: Final = 64
"""Prompts that the student answers at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the student is asked for wrong answers.

    Attributes:
        samples: how often it is asked each question.
        temperature: of drawing its tokens.
        max_new_tokens: of an answer.
    """

    samples: int
    temperature: float
    max_new_tokens: int


def pairs_of(
    job: Job, of: Literal["samples", "examples"], sampling: Sampling
) -> tuple[list[Pair], list[TrainingExample], int]:
    """The pairs, the examples that they are of, and how many examples have no worse answer."""
    examples = read_all(job.examples, TrainingExample)
    if of == "examples":
        wrong = [example.rejected for example in examples]
    else:
        wrong = _sampled(job, examples, sampling)
    pairs, paired = [], []
    for example, rejected in zip(examples, wrong, strict=True):
        if rejected is not None and rejected != example.completion:
            prompt = example.prompt
            shown = prompt if isinstance(prompt, str) else prompt.text
            named = "" if example.item is None else example.item.id
            pair = Pair(id=named, prompt=shown, chosen=example.completion, rejected=rejected)
            pairs.append(pair)
            paired.append(example)
    return pairs, paired, len(examples) - len(pairs)


def _sampled(job: Job, examples: Sequence[TrainingExample], sampling: Sampling) -> list[str | None]:
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
            Pair(id="", prompt="", chosen="", rejected=text) for text in _ask(job, share, sampling)
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


def _ask(job: Job, examples: Sequence[TrainingExample], sampling: Sampling) -> Iterator[str]:
    """The first wrong answer of the student to each example; empty if it gives none."""
    assert job.judge is not None
    settings = GenerationSettings(
        dtype=job.settings.dtype,
        max_new_tokens=sampling.max_new_tokens,
        batch_size=SIDE_BY_SIDE,
        temperature=sampling.temperature,
    )
    backend = TransformersBackend(settings=settings, model=job.base, adapter=job.start)
    asked = [example for example in examples for _ in range(sampling.samples)]
    seeds = []
    for example in examples:
        named = "" if example.item is None else example.item.id
        for number in range(sampling.samples):
            seeds.append(seed_from("pairs", job.seed, named, number))
    said = backend.generate([example.prompt for example in asked], seeds)
    judged = []
    for example, one in zip(asked, said, strict=True):
        assert example.item is not None
        judged.append((example.item, Answer(text=one.text, truncated=one.truncated)))
    scores = job.judge.score(judged)
    for start in range(0, len(asked), sampling.samples):
        tried = range(start, start + sampling.samples)
        # One that was cut has no end, and is worse for that alone.
        wrong = [n for n in tried if not scores[n].correct and not said[n].truncated]
        yield next((said[n].text for n in wrong if said[n].text), "")


class Pairs(torch.utils.data.Dataset[dict[str, list[int]]]):  # type: ignore[misc]
    """Pairs as token ids: what is too long is cut and counted, as `Responses` does.

    Attributes:
        rows: with `prompt_ids`, `chosen_ids` and `rejected_ids`, each answer with its end.
        cut: how many answers are cut.
        left_out: how many pairs have no room for their answers.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        examples: Sequence[TrainingExample],
        tokenizer: Any,
        max_length: int,
    ) -> None:
        """Encodes the pairs of some examples.

        Raises:
            StageError: none has room for its answers.
        """
        encoder = Encoder(tokenizer)
        self.rows: list[dict[str, list[int]]] = []
        self.cut = self.left_out = 0
        for pair, example in zip(pairs, examples, strict=True):
            prompt = encoder.prompt(example.prompt)
            answers = [
                encoder.answer(example.prompt, text) for text in (pair.chosen, pair.rejected)
            ]
            self._add(prompt, answers, max_length)
        if pairs and not self.rows:
            message = f"a max_length of {max_length} leaves no room for the answers of any pair"
            raise StageError(message, help="set student.train.max_length to more")

    def _add(self, prompt: list[int], answers: list[list[int]], max_length: int) -> None:
        room = max_length - len(prompt)
        chosen, rejected = (fitted(answer, room) for answer in answers)
        if chosen is None or rejected is None or chosen == rejected:
            self.left_out += 1
            return
        self.cut += (len(chosen) < len(answers[0])) + (len(rejected) < len(answers[1]))
        row = {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
        self.rows.append(row)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return self.rows[index]

    def tokens(self, index: int) -> int:
        """How many tokens a pair has, its prompt counted with each answer."""
        row = self.rows[index]
        return 2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"])


def shuffled(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """The pairs with the answers of about half of them exchanged, each by a coin of its own."""
    tossed = []
    for number, pair in enumerate(pairs):
        exchanged = unit_interval("exchanged", [seed, pair.id, number]) < 0.5
        better, worse = (pair.rejected, pair.chosen) if exchanged else (pair.chosen, pair.rejected)
        tossed.append(Pair(id=pair.id, prompt=pair.prompt, chosen=better, rejected=worse))
    return tossed
