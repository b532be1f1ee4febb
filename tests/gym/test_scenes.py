"""Scenes of shapes: what is drawn is what is described, and what is asked has one right answer."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from random import Random

import pytest
from PIL import Image

from dataenvgym_spec.gym.tasks.media import picture_of
from dataenvgym_spec.gym.tasks.scenes import (
    BACKGROUNDS,
    COLOURS,
    FORMS,
    PLACES,
    SIDE,
    Scene,
    Thing,
    answer_to,
    ask,
    drawn,
    paint,
    read,
)
from dataenvgym_spec.records.media import Picture

SCENES = [drawn(Random(seed), 1 + seed % 9) for seed in range(40)]
PIXELS = 48


def thing(text: str) -> Thing:
    scene = read(text)
    assert scene is not None
    (one,) = scene.things
    return one


def at(scene: Scene, place: str) -> tuple[int, int, int]:
    """The colour in the middle of a cell, as it is drawn."""
    image = Image.open(BytesIO(paint(scene, PIXELS)))
    row, column = divmod(PLACES.index(place), SIDE)
    cell = PIXELS // SIDE
    return image.getpixel((column * cell + cell // 2, row * cell + cell // 2))


def test_a_scene_is_read_back_from_its_description() -> None:
    assert [read(str(scene)) for scene in SCENES] == SCENES


@pytest.mark.parametrize(
    "text",
    [
        "A red circle.",
        "red circle",
        "a red circle and a dog",
        "",
        "a red circle at the top and a blue cross at the top",
    ],
)
def test_only_what_is_a_scene_is_read(text: str) -> None:
    assert (read(text) is not None) == (text == "A red circle.")


def test_what_a_description_leaves_out_is_the_same_each_time() -> None:
    text = "a red circle, a blue square and a large green cross at the left"
    scene = read(text)
    assert scene is not None and read(f" {text.upper()} ") == scene
    assert [one.colour for one in scene.things] == ["red", "blue", "green"]
    assert len({one.place for one in scene.things}) == 3 and scene.things[2].place == "left"
    assert thing("a small red cross at the bottom left on white").size == "small"


def test_each_cell_shows_what_is_said_of_it() -> None:
    for scene in SCENES:
        things = {one.place: one.colour for one in scene.things}
        for place in PLACES:
            wanted = COLOURS[things[place]] if place in things else BACKGROUNDS[scene.background]
            assert at(scene, place) == wanted, (str(scene), place)


def test_shapes_and_sizes_differ_and_a_picture_is_an_image() -> None:
    seen = set()
    for shape in ("circle", "square", "triangle", "cross"):
        for size in ("small", "large"):
            scene = Scene(
                things=(Thing(size=size, colour="red", shape=shape, place="left"),),
                background="white",
            )
            content = paint(scene, PIXELS)
            picture = picture_of(content)
            assert picture == Picture(
                digest=picture.digest, media="image/bmp", width=PIXELS, height=PIXELS
            )
            seen.add(content)
    assert len(seen) == 8


TWO = read("a small red circle at the top left and a large blue square at the right on white")
ANSWERS = {
    "What colour is the circle?": "red",
    "what colour is the  square?": "blue",
    "What colour is the cross?": None,
    "What shape is the blue thing?": "square",
    "Where is the circle?": "top left",
    "How many circle shapes are there?": "1",
    "How many cross shapes are there?": "0",
    "Is there a red circle?": "yes",
    "Is there a blue circle?": "no",
    "Is the circle left of the square?": "yes",
    "Is the square left of the circle?": "no",
    "Who painted it?": None,
}


@pytest.mark.parametrize("question", ANSWERS)
def test_answers(question: str) -> None:
    assert TWO is not None
    assert answer_to(question, TWO) == ANSWERS[question]


@pytest.mark.parametrize("skill", FORMS)
def test_a_question_is_answered_by_its_scene_and_no_answer_is_favoured(skill: str) -> None:
    rng, answers = Random(1), Counter[str]()
    while answers.total() < 300:
        scene = drawn(rng, 4)
        asked = ask(scene, skill, rng)
        if asked is not None:
            assert answer_to(asked[0], scene) == asked[1]
            answers[asked[1]] += 1
    assert answers.most_common(1)[0][1] < 0.62 * answers.total(), answers
