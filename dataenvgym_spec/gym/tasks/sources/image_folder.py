"""A folder of images with a file of questions about them, such as easy-VQA's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.sources.pictured import Album, distinct, each, json_rows, pictured
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form, Item
from dataenvgym_spec.records.tables import text_of, texts_of


class ImageFolder(Listed):
    """A finite source of questions, several of which may be about one image."""

    def __init__(
        self,
        *,
        path: Path,
        questions: str,
        images: str,
        fields: Mapping[str, str | int],
        form: Form = WORDS,
    ) -> None:
        self.form, self.fields, self.pattern = form, fields, images
        self.images = Images()
        self.album = Album(path, self.images)
        file = path / questions
        if not file.resolve().is_relative_to(path.resolve()):
            message = f"'{questions}' is outside of the folder '{path}'"
            raise StageError(message, help="name a file of the folder")
        self.items, self.skipped = distinct(each(file, json_rows(file), self._item))

    def _item(self, row: Any) -> Item | None:
        name = self.pattern.replace("{}", text_of(self._at(row, "image")))
        picture = self.album.picture(name)
        if picture is None:
            return None
        group = text_of(self._at(row, "group")) if "group" in self.fields else "all"
        return pictured(
            picture,
            text_of(self._at(row, "input")),
            texts_of(self._at(row, "target")),
            group=group,
            form=self.form,
        )

    def _at(self, row: Any, field: str) -> Any:
        column = self.fields[field]
        if isinstance(row, list) and not isinstance(column, int):
            raise ValueError(f"columns by number: the row is a list, and '{field}' names a column")
        return row[column]
