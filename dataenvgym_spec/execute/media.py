"""The files of images in ports: each once, beside the rows that show it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.records.files import writing_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import FOLDER, Picture


def write_items(
    context: Context[Any],
    port: str,
    name: str,
    rows: Iterable[Item],
    images: Images | None = None,
) -> int:
    """Writes items or examples to a port, with the files of the images that they show.

    Args:
        context: of the stage.
        port: where to.
        name: of the file with the rows.
        rows: what is written, each as it comes.
        images: of the source or the engine; other files come from the ports that are read.

    Returns:
        How many there were.

    Raises:
        StageError: nobody has the file of an image.
    """
    count = 0
    with writing_items(context, port, name, images) as write:
        for row in rows:
            write(row)
            count += 1
    return count


@contextmanager
def writing_items(
    context: Context[Any], port: str, name: str, images: Images | None = None
) -> Iterator[Callable[[Item], None]]:
    """Gives what writes one item or example to a port; the images come last. See `write_items`."""
    shown: dict[str, Picture] = {}
    with writing_rows(context.out(port, name)) as write:

        def add(row: Item) -> None:
            write(row)
            for picture in row.pictures:
                shown.setdefault(picture.digest, picture)

        yield add
    write_images(context, port, shown.values(), images)


def write_images(
    context: Context[Any], port: str, pictures: Iterable[Picture], images: Images | None = None
) -> None:
    """Writes the files of images to a port, each once.

    Args:
        context: of the stage.
        port: where to.
        pictures: the images.
        images: of the source or the engine; other files come from the ports that are read.

    Raises:
        StageError: nobody has the file of an image.
    """
    distinct = {picture.digest: picture for picture in pictures}
    if not distinct:
        return
    find = image_files(context)
    context.out(port, FOLDER).mkdir(exist_ok=True)
    for picture in distinct.values():
        target = context.out(port, picture.file)
        content = None if images is None else images.content(picture)
        if content is None:
            shutil.copyfile(find(picture), target)
        else:
            target.write_bytes(content)


def image_files(context: Context[Any]) -> Callable[[Picture], Path]:
    """Finds the file of an image in the ports that a stage reads."""

    def find(picture: Picture) -> Path:
        for port in context.reads:
            path = port.path / picture.file
            if path.is_file():
                return path
        message = f"an item shows the image {picture.digest[:16]}, whose file nobody has"
        help = "a source has it in `images`, and an engine takes it by `tools.images.add`"
        raise StageError(message, help=help)

    return find
