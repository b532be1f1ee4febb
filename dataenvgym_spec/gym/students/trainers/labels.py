"""Answers that are desirable or not, each by itself: what KTO learns from, as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.codec import Encoder
from dataenvgym_spec.gym.students.trainers.protocol import Job, Labelled, TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import fitted
from dataenvgym_spec.gym.students.trainers.wrong_answers import Wanted, shown, worse_answers
from dataenvgym_spec.records.files import read_all


def labelled(job: Job, wanted: Wanted) -> tuple[list[Labelled], list[TrainingExample]]:
    """The examples' own answers, which are desirable, then worse ones; and what they answer.

    Raises:
        StageError: no example has a worse answer, though one was to come with them.
    """
    examples = read_all(job.examples, TrainingExample)
    worse = worse_answers(job, examples, wanted)
    better = [(example, example.completion, True) for example in examples]
    rejected = []
    for example, answer in zip(examples, worse, strict=True):
        if answer is not None:
            rejected.append((example, answer, False))
    labels, answered = [], []
    for example, answer, desirable in [*better, *rejected]:
        id, prompt = shown(example)
        labels.append(Labelled(id=id, prompt=prompt, completion=answer, desirable=desirable))
        answered.append(example)
    return labels, answered


def dealt(labels: Sequence[Labelled], seed: int) -> list[Labelled]:
    """The answers with their labels dealt among all of them at random."""
    generator = torch.Generator()
    generator.manual_seed(seed_from("labels", seed))
    order = torch.randperm(len(labels), generator=generator).tolist()
    pairs = zip(labels, order, strict=True)
    return [replace(one, desirable=labels[place].desirable) for one, place in pairs]


class Labels(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]  # torch is skipped
    """Labelled answers as token ids: what is too long is cut and counted, as `Responses` does.

    Attributes:
        rows: with `prompt_ids`, `completion_ids`, `label`, and in `KL_completion_ids` an answer to
            another question: how much likelier those have become is what KTO sets off.
        cut: how many answers are cut.
        left_out: how many answers have no room.
    """

    def __init__(
        self,
        labels: Sequence[Labelled],
        examples: Sequence[TrainingExample],
        tokenizer: Any,
        max_length: int,
    ) -> None:
        """Encodes the answers to some examples.

        Raises:
            StageError: none has room.
        """
        encoder = Encoder(tokenizer)
        self.rows: list[dict[str, Any]] = []
        self.cut = self.left_out = 0
        for one, example in zip(labels, examples, strict=True):
            prompt = encoder.prompt(example.prompt)
            answer = encoder.answer(example.prompt, one.completion)
            fitting = fitted(answer, max_length - len(prompt))
            if fitting is None:
                self.left_out += 1
                continue
            self.cut += len(fitting) < len(answer)
            self.rows.append(
                {"prompt_ids": prompt, "completion_ids": fitting, "label": one.desirable}
            )
        if not self.rows:
            message = f"a max_length of {max_length} leaves no room for any answer"
            raise StageError(message, help="set student.train.max_length to more")
        # The next row answers another example: first stand all better answers, then all worse ones.
        for row, other in zip(self.rows, [*self.rows[1:], self.rows[0]], strict=True):
            room = max_length - len(row["prompt_ids"])
            row["KL_completion_ids"] = (
                fitted(other["completion_ids"], room) or row["completion_ids"]
            )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def count(self, desirable: bool) -> int:
        """How many answers are desirable, or are not."""
        return sum(row["label"] is desirable for row in self.rows)

    def tokens(self, index: int) -> int:
        """How many tokens an answer has, with its prompt."""
        row = self.rows[index]
        return len(row["prompt_ids"]) + len(row["completion_ids"])
