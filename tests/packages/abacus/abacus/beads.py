"""Sums of beads, and what they look like: a source without end."""

import io
import itertools
import random
from collections.abc import Iterator

import msgspec
from PIL import Image

from dataenvgym_spec.gym import Images, Item, question_id


class Beads:
    """Sums of two numbers up to a largest one, in one group. The image of a sum from nothing is damaged."""

    procedural = True

    def __init__(self, *, largest: int) -> None:
        self.largest, self.images = largest, Images()

    def groups(self) -> list[str]:
        """The names of the groups."""
        return ["beads"]

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one group, endless and repeating."""
        rng = random.Random(f"{group} {seed}")
        for _ in itertools.count():
            one, other = rng.randint(0, self.largest), rng.randint(0, self.largest)
            if one == 0:
                assert self.images.add(drawn(one, other)[:40]) is None
            else:
                yield sum_of(one, other, group, self.images, drawn(one, other))


def sum_of(one: int, other: int, group: str, images: Images, file: bytes) -> Item:
    """A sum and its image as an item."""
    picture = images.add(file)
    asked = Item(
        id="",
        input=f"{one}+{other}",
        target=str(one + other),
        group=group,
        cluster="",
        images=(picture,),
    )
    identity = question_id(asked, ())
    return msgspec.structs.replace(asked, id=identity, cluster=identity)


def drawn(one: int, other: int, ink: int = 0) -> bytes:
    """Two rows of beads, as a PNG file."""
    image = Image.new("L", (16, 2), 255)
    for row, count in enumerate((one, other)):
        image.paste(ink, (0, row, count, row + 1))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
