"""Procedural questions about drawn pictures of coloured shapes.

A family is a skill with a difficulty: what is asked, and how many shapes a picture has. What a
picture shows, and what the right answer is, is in `scenes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from dataenvgym_spec.core.hashing import bytes_digest, seed_from
from dataenvgym_spec.gym.tasks import scenes
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.tasks.scenes import Scene
from dataenvgym_spec.gym.tasks.sources.families import Families, Family
from dataenvgym_spec.records.items import Item, item_id
from dataenvgym_spec.records.media import Picture

MOST: Final = 9
"""Shapes of a picture, at most: it has as many places."""


class Shapes(Families):
    """A source of endless questions; each group is a family.

    Attributes:
        images: the pictures of its items.
    """

    def __init__(self, *, families: dict[str, Family], pixels: int, questions: int = 1) -> None:
        self.families, self.questions = families, questions
        self.images = Drawn(pixels)

    def _variants(self, group: str) -> dict[str, dict[str, int]]:
        objects = self.families[group]["objects"]
        variants = {}
        for distance in range(1, MOST):
            for way, count in (("harder", objects + distance), ("easier", objects - distance)):
                if least(self.families[group]["asks"]) <= count <= MOST:
                    variants[f"{way}: objects {count}"] = {"objects": count}
        return variants

    def _stream(self, family: Family, group: str, seed: int) -> Iterator[Item]:
        rng = Random(seed_from("shapes", seed, group))
        while True:
            scene = scenes.drawn(rng, max(family["objects"], least(family["asks"])))
            asked = set()
            for _ in range(self.questions):
                drawn = scenes.ask(scene, family["asks"], rng)
                if drawn is not None and drawn not in asked:
                    asked.add(drawn)
                    yield self._item(scene, *drawn, group)

    def _item(self, scene: Scene, question: str, answer: str, group: str) -> Item:
        picture = self.images.draw(scene)
        return Item(
            id=item_id(question, images=[picture.digest]),
            input=question,
            target=answer,
            group=group,
            # Whoever has seen a picture knows some of its answers.
            cluster=item_id("", images=[picture.digest]),
            verifier={"answer": answer, "image": str(scene)},
            images=(picture,),
        )


def least(asks: str) -> int:
    """How many shapes a picture has at least, so that a skill can be asked for."""
    return 2 if asks == "order" else 1


class Drawn(Images):
    """Pictures of scenes: drawn again when they are needed, since most are only looked at."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels
        self._scenes: dict[str, Scene] = {}

    def draw(self, scene: Scene) -> Picture:
        """Draws a scene."""
        digest = bytes_digest(scenes.paint(scene, self.pixels))
        self._scenes[digest] = scene
        size = self.pixels
        return Picture(digest=digest, media="image/bmp", width=size, height=size)

    def content(self, picture: Picture) -> bytes | None:
        """The bytes of a picture; None if it was never drawn."""
        scene = self._scenes.get(picture.digest)
        return None if scene is None else scenes.paint(scene, self.pixels)
