"""NaturalBench, from its Parquet files: two images, two questions, and four answers a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.sources.pictured import HELP, distinct, pictured
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form, Item
from dataenvgym_spec.records.media import Picture

CHOICES: Final = {"yes_no": ("yes", "no"), "multiple_choice": ("a", "b")}
"""What can be answered, by the type of a question."""
ASKING: Final = {
    "yes_no": "Please answer Yes or No.",
    "multiple_choice": "Please output the letter corresponding to the correct option.",
}
"""How the benchmark ends a question, by its type."""


class NaturalBench(Listed):
    """A finite source of questions; four of a row are one cluster, and a group is a type."""

    def __init__(self, *, path: Path, instructs: bool, form: Form = WORDS) -> None:
        self.form, self.instructs = form, instructs
        self.images = Images()
        self.items, self.skipped = distinct(self._all(path))

    def _all(self, path: Path) -> Iterator[Item]:
        files = sorted(path.rglob("*.parquet"))
        if not files:
            message = f"the folder '{path}' has no Parquet file"
            raise StageError(message, help="name the folder that holds the files of the benchmark")
        for file in files:
            for number, row in enumerate(_rows(file), 1):
                try:
                    yield from self._four(row)
                except (KeyError, ValueError, TypeError) as error:
                    message = f"{file}: row {number} is not as NaturalBench has it: {error}"
                    raise StageError(message, help=HELP) from error

    def _four(self, row: dict[str, Any]) -> list[Item]:
        """The items of a row; none if an image of it is none, since it is scored as a whole."""
        pictures = [self._picture(row[f"Image_{number}"]) for number in (0, 1)]
        if None in pictures:
            return []
        items = []
        for asked in (0, 1):
            for picture in pictures:
                assert picture is not None
                answer = row[f"Image_{pictures.index(picture)}_Question_{asked}"]
                items.append(self._item(row, picture, row[f"Question_{asked}"], answer))
        return items

    def _picture(self, cell: Any) -> Picture | None:
        return self.images.add(cell["bytes"] or b"")

    def _item(self, row: dict[str, Any], picture: Picture, question: str, answer: str) -> Item:
        kind = row["Question_Type"]
        if answer.strip().lower() not in CHOICES[kind]:
            raise ValueError(f"{answer!r} is no answer to a question of type {kind}")
        text = question.strip()
        return pictured(
            picture,
            f"{text} {ASKING[kind]}" if self.instructs else text,
            [answer.strip()],
            group=kind,
            form=self.form,
            cluster=f"naturalbench-{row['Index']}",
            verifier={"answer": answer.strip(), "choices": list(CHOICES[kind])},
        )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file.

    Raises:
        StageError: it is none.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=16):  # a row holds two images
                yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise StageError(f"'{path}' cannot be read: {error}", help="fetch it again") from error
