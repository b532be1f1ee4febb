"""Questions about drawn shapes: the same from the same seed, right, and clustered by picture."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.gym.tasks.scenes import answer_to, read
from dataenvgym_spec.gym.tasks.sources.shapes import Shapes
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden, component, make

FAMILIES = {
    "colour": {"asks": "colour", "objects": 1},
    "where": {"asks": "place", "objects": 3},
    "number": {"asks": "count", "objects": 4},
    "there": {"asks": "presence", "objects": 2},
    "left": {"asks": "order", "objects": 1},
}


def made(**options: Any) -> Shapes:
    described = component(
        "source", "shapes", **{"pixels": 24, "questions": 2, "families": FAMILIES} | options
    )
    source: Shapes = make("source", described)
    return source


def drawn(source: Shapes, count: int = 12) -> list[Item]:
    return [item for group in source.groups() for item in islice(source.stream(group, 3), count)]


def test_the_source_makes_what_its_number_says() -> None:
    items = [item.row() for item in drawn(made(), 6)]
    assert_golden("source", "shapes", {1: "44a1f3fc948af861"}, items)


def test_every_answer_is_what_the_picture_says() -> None:
    source = made()
    for item in drawn(source):
        scene = read(item.verifier["image"])
        assert scene is not None and answer_to(item.input, scene) == item.target
        (picture,) = item.images
        content = source.images.content(picture)
        assert content is not None and bytes_digest(content) == picture.digest
        assert (picture.width, picture.height) == (24, 24)
        least = max(2, FAMILIES[item.group]["objects"]) if item.group == "left" else 1
        assert len(scene.things) == max(FAMILIES[item.group]["objects"], least)


def test_questions_about_a_picture_are_one_cluster_and_no_prompt_shows_the_scene() -> None:
    items = drawn(made(), 40)
    by_picture: dict[str, set[str]] = {}
    for item in items:
        by_picture.setdefault(item.images[0].digest, set()).add(item.cluster)
        assert not item.metadata
    assert all(len(clusters) == 1 for clusters in by_picture.values())
    assert len(by_picture) == len({item.cluster for item in items}) < len(items)
    assert len({item.id for item in items}) > len(by_picture)


def test_harder_and_easier_variants() -> None:
    source = made()
    assert list(islice(source.variants("number"), 3)) == [
        "as set",
        "harder: objects 5",
        "easier: objects 3",
    ]
    assert "easier: objects 1" not in source.variants("left")
    (item,) = islice(source.variant("number", "harder: objects 5", 1), 1)
    scene = read(item.verifier["image"])
    assert scene is not None and len(scene.things) == 5 and item.group == "number"
    assert next(source.variant("number", "as set", 1)) == next(source.stream("number", 1))
    with pytest.raises(StageError, match="no variant"):
        source.variant("number", "harder: pixels 3", 1)


def test_a_picture_that_was_never_drawn_is_not_held() -> None:
    (item,) = drawn(made(families={"c": FAMILIES["colour"]}), 1)
    assert made().images.content(item.images[0]) is None
