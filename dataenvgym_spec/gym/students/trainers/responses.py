"""Examples as token ids: the prompt carries no loss, and what is too long is cut and counted."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import torch

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.numbered import Numbered
from dataenvgym_spec.core.spool import Spool
from dataenvgym_spec.gym.students.codec import Encoder
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.gym.students.vision import ANSWERS, Gallery, Inputs, Vision, stacked

Encoded = dict[str, list[int]]
Row = dict[str, Any]
"""An example: its tokens, what each has besides, and what is seen of its images."""

SEEN: Final = "seen"
IGNORED: Final = -100
"""The label of a token that carries no loss."""


class Rows(Numbered[Encoded]):
    """Examples as tokens, each read when its turn has come; in memory is how long each is."""

    def __init__(self) -> None:
        self.lengths = array("I")
        self._spool = Spool()

    def append(self, row: Encoded, asked: int) -> None:
        """Adds an example, of which so many of the first tokens carry no loss."""
        self.lengths.append(len(row["input_ids"]))
        self._spool.append(msgspec.msgpack.encode((asked, row)))

    def __len__(self) -> int:
        return len(self._spool)

    def element(self, number: int) -> Encoded:
        """The example of a number."""
        asked, row = msgspec.msgpack.decode(self._spool[number], type=tuple[int, Encoded])
        ids = row.pop("input_ids")
        return {"input_ids": ids, "labels": [IGNORED] * asked + ids[asked:], **row}


# The type checker skips torch, which takes it longer than all else.
class Responses(torch.utils.data.Dataset[Row]):  # type: ignore[misc]
    """Token ids and labels of the examples that have room for an answer.

    A completion is cut so that the token that ends it still fits: a student that never sees it
    never learns to stop. An example without room for that token and one of its
    completion would teach nothing, or that the answer is empty; it is left out.

    Attributes:
        rows: the examples that are learned, in their order, on disk: there may be a million.
        cut: how many of them are cut.
        left_out: how many examples are not among them.
    """

    def __init__(
        self,
        examples: Sequence[TrainingExample],
        tokenizer: Any,
        max_length: int,
        vision: Vision | None = None,
    ) -> None:
        """Encodes the examples; those of a student that sees with its processor.

        Raises:
            StageError: nothing is left to learn, no token ends an answer, or a chat template is
                missing or does not take a conversation.
        """
        encoder = Encoder(tokenizer, vision)
        self.gallery: Gallery | None = None
        if vision is not None:
            self.gallery = Gallery(lambda number: encoder.inputs(examples[number].prompt))
        self.numbers = array("Q")
        self.rows = Rows()
        self.cut = self.left_out = self.longest = 0
        shortest = max_length
        for number, example in enumerate(examples):
            look = self.gallery
            prompt = encoder.inputs(example.prompt) if look is None else look.look(number)
            answer = encoder.answer(example.prompt, example.completion)
            length = len(prompt.ids)
            self.longest = max(self.longest, length + len(answer))
            shortest = min(shortest, length) if self.rows or self.left_out else length
            self._add(number, prompt, answer, max_length)
        if not self.rows:
            message = (
                f"a max_length of {max_length} leaves no room for any answer: "
                f"the shortest prompt has {shortest} tokens"
            )
            help = f"set student.train.max_length to {self.longest}, the longest example, or more"
            raise StageError(message, help=help)

    def _add(self, number: int, prompt: Inputs, answer: list[int], max_length: int) -> None:
        fitting = fitted(answer, max_length - len(prompt.ids))
        if fitting is None:
            self.left_out += 1
            return
        self.cut += len(fitting) < len(answer)
        row = {"input_ids": prompt.ids + fitting}
        for name, values in prompt.beside.items():
            row[name] = values + [ANSWERS.get(name, 0)] * len(fitting)
        self.rows.append(row, asked=len(prompt.ids))
        self.numbers.append(number)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        row: Row = {**self.rows[index]}
        if self.gallery is not None:
            seen = self.gallery.seen(self.numbers[index])
            row |= {SEEN: seen} if seen else {}
        return row

    @property
    def beside(self) -> list[str]:
        """What each token has besides, by name."""
        return [name for name in self.rows[0] if name not in ("input_ids", "labels")]

    def losses(self, max_length: int) -> str:
        """What was cut or left out, in words; empty if nothing was."""
        parts = []
        if self.cut:
            parts.append(f"{self.cut} are cut to {max_length} tokens")
        if self.left_out:
            parts.append(f"{self.left_out} have no room for an answer and are left out")
        total = len(self.rows) + self.left_out
        return f"of {total} examples, {' and '.join(parts)}" if parts else ""


def fitted(answer: list[int], room: int) -> list[int] | None:
    """An answer cut to the room there is for it, its end kept; None without room for any.

    >>> fitted([5, 6, 7, 1], 3), fitted([5, 1], 2), fitted([5, 1], 1)
    ([5, 6, 1], [5, 1], None)
    """
    if room < min(2, len(answer)):
        return None
    return answer if len(answer) <= room else [*answer[: room - 1], answer[-1]]


class Collator:
    """Pads a batch on the right to its longest example."""

    def __init__(self, tokenizer: Any, beside: Sequence[str] = ()) -> None:
        """Pads with the tokenizer's token for it, or else with its end-of-text token.

        Args:
            tokenizer: the tokenizer.
            beside: what each token has besides, by name.
        """
        token = tokenizer.pad_token_id
        self.pad = int(tokenizer.eos_token_id if token is None else token)
        self.beside = tuple(beside)

    def __call__(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """Returns `input_ids`, `attention_mask` and `labels`, each of shape (examples, longest).

        So is what each token has besides. What is seen comes as the processor shapes it.

        A batch without examples becomes one row that carries no loss: every process has to take
        part in every step.
        """
        nothing: Row = {"input_ids": [self.pad] * 2, "labels": [IGNORED] * 2}
        rows = rows or [nothing | {name: [0] * 2 for name in self.beside}]
        longest = max(len(row["input_ids"]) for row in rows)
        fill = {"input_ids": self.pad, "labels": IGNORED}
        columns: dict[str, list[list[int]]] = {}
        for row in rows:
            missing = longest - len(row["input_ids"])
            mask = [1] * (longest - missing) + [0] * missing
            columns.setdefault("attention_mask", []).append(mask)
            for name in ("input_ids", "labels", *self.beside):
                columns.setdefault(name, []).append(row[name] + [fill.get(name, 0)] * missing)
        batch = {name: torch.tensor(column) for name, column in columns.items()}
        return batch | stacked([row.get(SEEN, {}) for row in rows])
