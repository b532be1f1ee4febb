"""Files in the published format of a source, made up as its definition says.

A definition's `rehearsal` has `files`, by the option that names each. What such a file holds is
said by one word: `rows` (JSON lines), `entries` (one JSON object), `content` (JSON as it stands),
`parquet` (a table), `images` (a folder of them), `folder` (of such files). All but `content` are
templates, one a row, whose words in capitals stand for what `row_values` gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.execute.rehearsal.made_up import GROUPS, Unmade, made, phrased, spread

PIXELS: Final = 16
"""Width and height of an image that is made up."""

Numbers = range
"""The numbers of the rows that a file has; rows of one number fit together."""


def write_made(path: Path, said: Mapping[str, Any], numbers: Numbers, form: str) -> None:
    """Writes one file or folder.

    Args:
        path: where.
        said: what it holds: one of `WRITERS` with its template.
        numbers: of its rows.
        form: of an answer that the task's scorer reads.

    Raises:
        Unmade: a package is missing that writes it.
    """
    ((word, template),) = said.items()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        WRITERS[word](path, template, numbers, form)
    except ImportError as error:
        raise Unmade(f"{word} (it takes the package '{error.name}')") from error


def row_values(number: int, form: str) -> dict[str, Any]:
    """What the words of a template stand for in a row."""
    asked = made("row", number)
    return {
        "QUESTION": asked.question,
        "ANSWER": str(asked.answer),
        "TARGET": phrased(form, asked.answer),
        "GROUP": f"group {number % GROUPS + 1}",
        "NUMBER": str(number),
    }


def _each(template: Any, numbers: Numbers, form: str) -> Iterator[Any]:
    for number in numbers:
        yield spread(template, row_values(number, form))


def _rows(path: Path, template: Any, numbers: Numbers, form: str) -> None:
    lines = (json.dumps(row) + "\n" for row in _each(template, numbers, form))
    path.write_text("".join(lines), encoding="utf-8")


def _entries(path: Path, template: Any, numbers: Numbers, form: str) -> None:
    whole: dict[str, Any] = {}
    for entry in _each(template, numbers, form):
        whole |= entry
    path.write_text(json.dumps(whole), encoding="utf-8")


def _content(path: Path, template: Any, _numbers: Numbers, _form: str) -> None:
    path.write_text(json.dumps(template), encoding="utf-8")


def _parquet(path: Path, template: Any, numbers: Numbers, form: str) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = []
    for number in numbers:
        images = {f"IMAGE{which}": _image(number, which) for which in (0, 1)}
        rows.append(spread(template, {**row_values(number, form), **images}))
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def _images(path: Path, template: Any, numbers: Numbers, form: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        name = spread(template, row_values(number, form))
        (path / name).write_bytes(_image(number))


def _folder(path: Path, template: Mapping[str, Any], numbers: Numbers, form: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for name, said in template.items():
        write_made(path / name, said, numbers, form)


def _image(number: int, which: int = 0) -> bytes:
    """An image that no other row has."""
    from dataenvgym_spec.gym.painters.noise import Noise

    (content,) = Noise(pixels=PIXELS).paint([str(number)], which)
    assert content is not None
    return content


WRITERS: Final[dict[str, Callable[[Path, Any, Numbers, str], None]]] = {
    "rows": _rows,
    "entries": _entries,
    "content": _content,
    "parquet": _parquet,
    "images": _images,
    "folder": _folder,
}
"""What writes each kind of file."""
