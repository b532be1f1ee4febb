"""GQA, from its files: questions by their ids, and a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.sources.pictured import Album, distinct, each, json_rows, pictured
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form, Item
from dataenvgym_spec.records.tables import text_of

EQUIVALENT: Final = "equivalent questions"
"""What questions are called that ask the same as an earlier one, in other words."""


class Gqa(Listed):
    """A finite source of questions; a group is a type of questions."""

    def __init__(
        self,
        *,
        path: Path,
        images: Path,
        types: Literal["detailed", "semantic", "structural"],
        equivalent: bool,
        form: Form = WORDS,
    ) -> None:
        self.types, self.form, self.drops = types, form, not equivalent
        self.images = Images()
        self.album = Album(images, self.images)
        self.told: set[str] = set()  # the ids of questions that ask the same as an earlier one
        self.equivalent = 0
        self.items, skipped = distinct(each(path, json_rows(path), self._item))
        told = {EQUIVALENT: self.equivalent} if self.equivalent else {}
        self.skipped = {**skipped, **told}

    def _item(self, row: Any) -> Item | None:
        if self._is_told(row):
            self.equivalent += 1
            return None
        picture = self.album.picture(f"{text_of(row['imageId'])}.jpg")
        if picture is None:
            return None
        group = text_of((row.get("types") or {}).get(self.types) or "all")
        question, answer = text_of(row["question"]), text_of(row["answer"])
        return pictured(picture, question, [answer], group=group, form=self.form)

    def _is_told(self, row: Any) -> bool:
        """Whether an earlier question asks the same; from now on this one does."""
        if not self.drops:
            return False
        if str(row["id"]) in self.told:
            return True
        self.told |= {str(name) for name in row.get("equivalent") or ()}
        return False
