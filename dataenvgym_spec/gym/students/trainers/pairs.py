"""Pairs of a better and a worse answer: the example's own, and one of `wrong_answers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import unit_interval
from dataenvgym_spec.gym.students.codec import Encoder
from dataenvgym_spec.gym.students.trainers.protocol import Job, Pair, TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import SEEN, fitted
from dataenvgym_spec.gym.students.trainers.wrong_answers import Wanted, shown, worse_answers
from dataenvgym_spec.gym.students.vision import Gallery, Inputs, Vision
from dataenvgym_spec.records.files import read_all


def pairs_of(job: Job, wanted: Wanted) -> tuple[list[Pair], list[TrainingExample], int]:
    """The pairs, the examples that they are of, and how many examples have no worse answer.

    Raises:
        StageError: no example has one, though one was to come with them.
    """
    examples = read_all(job.examples, TrainingExample)
    pairs, paired = [], []
    worse = worse_answers(job, examples, wanted)
    for example, rejected in zip(examples, worse, strict=True):
        if rejected is None:
            continue
        id, prompt = shown(example)
        pair = Pair(id=id, prompt=prompt, chosen=example.completion, rejected=rejected)
        pairs.append(pair)
        paired.append(example)
    return pairs, paired, len(examples) - len(pairs)


class Pairs(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]  # torch is skipped
    """Pairs as token ids: what is too long is cut and counted, as `Responses` does.

    Attributes:
        rows: with `prompt_ids`, `chosen_ids` and `rejected_ids`, each answer with its end; and in
            `beside` what each token of the prompt has besides, of a student that sees.
        cut: how many answers are cut.
        left_out: how many pairs have no room for their answers.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        examples: Sequence[TrainingExample],
        tokenizer: Any,
        max_length: int,
        vision: Vision | None = None,
    ) -> None:
        """Encodes the pairs of some examples; those of a student that sees with its processor.

        Raises:
            StageError: none has room for its answers.
        """
        encoder = Encoder(tokenizer, vision)
        self.gallery = Gallery(lambda number: encoder.inputs(examples[number].prompt))
        self.numbers: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self.cut = self.left_out = 0
        for number, (pair, example) in enumerate(zip(pairs, examples, strict=True)):
            prompt = self.gallery.look(number)
            answers = [
                encoder.answer(example.prompt, text) for text in (pair.chosen, pair.rejected)
            ]
            self._add(number, prompt, answers, max_length)
        if pairs and not self.rows:
            message = f"a max_length of {max_length} leaves no room for the answers of any pair"
            raise StageError(message, help="set student.train.max_length to more")

    def _add(self, number: int, prompt: Inputs, answers: list[list[int]], max_length: int) -> None:
        room = max_length - len(prompt.ids)
        chosen, rejected = (fitted(answer, room) for answer in answers)
        if chosen is None or rejected is None or chosen == rejected:
            self.left_out += 1
            return
        self.cut += (len(chosen) < len(answers[0])) + (len(rejected) < len(answers[1]))
        row = {"prompt_ids": prompt.ids, "chosen_ids": chosen, "rejected_ids": rejected}
        self.rows.append({**row, "beside": dict(prompt.beside)})
        self.numbers.append(number)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self.rows[index], SEEN: self.gallery.seen(self.numbers[index])}

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
