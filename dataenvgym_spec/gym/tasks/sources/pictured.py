"""What sources of questions about images have in common: items of one image each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.records.formats import rows_in
from dataenvgym_spec.records.items import Form, Item, item_id, joined, question_id, told_apart
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.rows import REPEATED
from dataenvgym_spec.records.tables import RowFault

HELP: Final = "is it a file of this format, and whole?"


class Album:
    """The images of a folder, each read once.

    Attributes:
        images: those that were read.
    """

    def __init__(self, folder: Path, images: Images) -> None:
        self.folder, self.images = folder, images
        self._read: dict[str, Picture | None] = {}

    def picture(self, name: str) -> Picture | None:
        """The image of a file; None of what is no image, or is not in the folder."""
        if name not in self._read:
            path = self.folder / name
            # A row may name any file of this machine; a folder is no image.
            inside = path.resolve().is_relative_to(self.folder.resolve())
            self._read[name] = self.images.add(path if inside else self.folder)
        return self._read[name]


def pictured(
    picture: Picture,
    question: str,
    answers: Sequence[str],
    *,
    group: str,
    form: Form,
    cluster: str | None = None,
    **more: Any,
) -> Item:
    """A question about an image, in a cluster with all others about that.

    Args:
        picture: the image.
        question: the question.
        answers: all that are accepted, as often as they were given; the most frequent is taught.
        group: its gold skill.
        form: what of a question does not count.
        cluster: what it is in a cluster with, if with more than its image.
        more: further fields of the item.
    """
    item = Item(
        id="",
        input=question,
        target=Counter(answers).most_common(1)[0][0],
        group=group,
        cluster=cluster or item_id("", images=[picture.digest]),
        targets=tuple(answers) if len(answers) > 1 else (),
        images=(picture,),
        **more,
    )
    return msgspec.structs.replace(item, id=question_id(item, form))


def distinct(items: Iterable[Item]) -> tuple[list[Item], dict[str, int]]:
    """Items each once, and how many were left out, by reason."""
    every = list(items)
    kept = told_apart(joined(every))
    repeated = len(every) - len(kept)
    return kept, {REPEATED: repeated} if repeated else {}


def each(
    path: Path, rows: Iterable[tuple[int, Any]], read: Callable[[Any], Item | None]
) -> Iterator[Item]:
    """The items of rows, as a function reads them.

    Raises:
        StageError: a row is not as the format has it, which the function says by ValueError,
            KeyError or TypeError.
    """
    try:
        for number, row in rows:
            item = _read(read, number, row)
            if item is not None:
                yield item
    except RowFault as fault:
        raise StageError(fault.text(str(path), row="row"), help=fault.help) from fault
    except OSError as error:
        raise StageError(f"'{path}' cannot be read: {error}", help="check the file") from error


def _read(read: Callable[[Any], Item | None], number: int, row: Any) -> Item | None:
    try:
        return read(row)
    except (KeyError, IndexError) as error:
        fault = f"has no column {error}" if isinstance(error, KeyError) else "has too few columns"
        raise RowFault(line=number, reason=fault, help=HELP) from None
    except (ValueError, TypeError) as error:
        raise RowFault(line=number, reason=f"has {error}", help=HELP) from None


def json_rows(path: Path, *, key: str = "id") -> Iterator[tuple[int, Any]]:
    """The rows of a JSON file, or of any other table file.

    A JSON file holds a list, or an object, of which the values are the rows.

    Args:
        path: the file.
        key: what rows call the key that an object has them under.

    Raises:
        RowFault: it is neither.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        yield from rows_in(path)
        return
    if isinstance(content, Mapping) and all(isinstance(row, Mapping) for row in content.values()):
        content = [{key: name, **row} for name, row in content.items()]
    rows = content if isinstance(content, list) else [content]
    yield from enumerate(rows, 1)
