"""Scenes of coloured shapes: described in words, drawn from their description, asked about.

A picture is a function of its description alone. So whoever can read a description, such as a
painter of what a language model describes, draws the same picture, and answers are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from random import Random
from typing import Any, Final

from dataenvgym_spec.core.hashing import seed_from

COLOURS: Final = {
    "red": (214, 39, 40),
    "green": (44, 150, 44),
    "blue": (31, 80, 200),
    "yellow": (240, 210, 30),
    "purple": (140, 60, 180),
    "orange": (250, 130, 20),
}
SHAPES: Final = ("circle", "square", "triangle", "cross")
SIZES: Final = {"small": 0.6, "large": 0.9}
"""The part of its cell that a shape takes."""
BACKGROUNDS: Final = {"white": (250, 250, 250), "grey": (128, 128, 128), "black": (10, 10, 10)}
PLACES: Final = (
    "top left", "top", "top right",
    "left", "middle", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip
"""The cells of a scene, row by row."""
SIDE: Final = 3
FINE: Final = 4
"""How much larger a picture is drawn than it becomes, so that its edges are smooth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A shape in a cell of a scene."""

    size: str
    colour: str
    shape: str
    place: str

    @property
    def column(self) -> int:
        """Its column, from the left."""
        return PLACES.index(self.place) % SIDE

    @property
    def row(self) -> int:
        """Its row, from the top."""
        return PLACES.index(self.place) // SIDE

    def __str__(self) -> str:
        return f"a {self.size} {self.colour} {self.shape} at the {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a picture shows.

    >>> text = "a small red circle at the top left and a large blue square at the right on white"
    >>> str(read(text)) == text
    True
    """

    things: tuple[Thing, ...]
    background: str

    def __str__(self) -> str:
        return f"{' and '.join(map(str, self.things))} on {self.background}"


_THING: Final = re.compile(
    rf"an? (?:({'|'.join(SIZES)}) )?({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})"
    rf"(?: at the ({'|'.join(sorted(PLACES, key=len, reverse=True))}))?"
)
_BETWEEN: Final = re.compile(r"[\s,;.]*(?:and\s+)?")
_END: Final = re.compile(
    rf"\s*(?:on (?:an? )?({'|'.join(BACKGROUNDS)})(?: background)?)?\s*\.?\s*", re.IGNORECASE
)


def read(description: str) -> Scene | None:
    """The scene that a text describes; None of a text about anything else.

    Sizes, places and background may be left out. They are then the same for the same text.
    """
    text = " ".join(description.lower().split())
    found, at = list[tuple[str, ...]](), 0
    while (thing := _THING.match(text, at)) is not None:
        found.append(thing.groups(default=""))
        between = _BETWEEN.match(text, thing.end())
        at = thing.end() if between is None else between.end()
        last = thing.end()
    end = _END.fullmatch(text, last) if found else None
    taken = [place for *_, place in found if place]
    if end is None or len(found) > len(PLACES) or len({*taken}) < len(taken):
        return None
    rng = Random(seed_from("scene", 0, text))
    free = [place for place in PLACES if place not in taken]
    rng.shuffle(free)
    things = []
    for said, colour, shape, place in found:
        size = said or rng.choice(sorted(SIZES))
        things.append(Thing(size=size, colour=colour, shape=shape, place=place or free.pop()))
    background = end.group(1) or rng.choice(sorted(BACKGROUNDS))
    return Scene(things=tuple(things), background=background.lower())


def drawn(rng: Random, count: int) -> Scene:
    """A scene of so many things."""
    cells = sorted(rng.sample(range(len(PLACES)), count))
    things = []
    for cell in cells:
        size, colour = rng.choice(sorted(SIZES)), rng.choice(sorted(COLOURS))
        shape = rng.choice(SHAPES)
        things.append(Thing(size=size, colour=colour, shape=shape, place=PLACES[cell]))
    return Scene(things=tuple(things), background=rng.choice(sorted(BACKGROUNDS)))


def paint(scene: Scene, pixels: int) -> bytes:
    """The picture of a scene: the bytes of a BMP file, which are the same on every machine.

    Args:
        scene: what it shows.
        pixels: its width and height.
    """
    from PIL import Image, ImageDraw

    side = pixels * FINE
    image = Image.new("RGB", (side, side), BACKGROUNDS[scene.background])
    pen = ImageDraw.Draw(image)
    cell = side / SIDE
    for thing in scene.things:
        half = cell * SIZES[thing.size] / 2
        middle = (cell * (thing.column + 0.5), cell * (thing.row + 0.5))
        _DRAW[thing.shape](pen, middle, half, COLOURS[thing.colour])
    file = BytesIO()
    # No other format that pages show is written without a library that compresses.
    image.reduce(FINE).save(file, "BMP")
    return file.getvalue()


Point = tuple[float, float]


def _circle(pen: Any, middle: Point, half: float, colour: tuple[int, int, int]) -> None:
    x, y = middle
    pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)


def _square(pen: Any, middle: Point, half: float, colour: tuple[int, int, int]) -> None:
    x, y = middle
    half *= 0.88  # about as large as the circle
    pen.rectangle((x - half, y - half, x + half, y + half), fill=colour)


def _triangle(pen: Any, middle: Point, half: float, colour: tuple[int, int, int]) -> None:
    x, y = middle
    pen.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill=colour)


def _cross(pen: Any, middle: Point, half: float, colour: tuple[int, int, int]) -> None:
    x, y = middle
    arm = half / 3
    pen.rectangle((x - arm, y - half, x + arm, y + half), fill=colour)
    pen.rectangle((x - half, y - arm, x + half, y + arm), fill=colour)


_DRAW: Final[dict[str, Callable[[Any, Point, float, tuple[int, int, int]], None]]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of questions about scenes.

    Attributes:
        text: the question, with names for what it is about.
        answer: the answer of a scene; None where the question does not fit it.
    """

    text: str
    answer: Callable[..., str | None]


def _only(found: Sequence[Thing]) -> Thing | None:
    return found[0] if len(found) == 1 else None


def _colour_of(scene: Scene, shape: str) -> str | None:
    thing = _only([thing for thing in scene.things if thing.shape == shape])
    return None if thing is None else thing.colour


def _shape_of(scene: Scene, colour: str) -> str | None:
    thing = _only([thing for thing in scene.things if thing.colour == colour])
    return None if thing is None else thing.shape


def _place_of(scene: Scene, shape: str) -> str | None:
    thing = _only([thing for thing in scene.things if thing.shape == shape])
    return None if thing is None else thing.place


def _count(scene: Scene, shape: str) -> str:
    return str(sum(thing.shape == shape for thing in scene.things))


def _is_there(scene: Scene, colour: str, shape: str) -> str:
    return _yes((colour, shape) in [(thing.colour, thing.shape) for thing in scene.things])


def _is_left(scene: Scene, shape: str, other: str) -> str | None:
    one = _only([thing for thing in scene.things if thing.shape == shape])
    two = _only([thing for thing in scene.things if thing.shape == other])
    if one is None or two is None or shape == other or one.column == two.column:
        return None
    return _yes(one.column < two.column)


def _yes(true: bool) -> str:
    return "yes" if true else "no"


FORMS: Final = {
    "colour": Form(text="What colour is the {shape}?", answer=_colour_of),
    "shape": Form(text="What shape is the {colour} thing?", answer=_shape_of),
    "place": Form(text="Where is the {shape}?", answer=_place_of),
    "count": Form(text="How many {shape} shapes are there?", answer=_count),
    "presence": Form(text="Is there a {colour} {shape}?", answer=_is_there),
    "order": Form(text="Is the {shape} left of the {other}?", answer=_is_left),
}
"""The skills of questions, and how each is asked."""
_VALUES: Final = {"shape": SHAPES, "colour": tuple(COLOURS), "other": SHAPES}


@cache
def _every(skill: str) -> tuple[dict[str, str], ...]:
    """All that a form can be about."""
    every: list[dict[str, str]] = [{}]
    for name, values in _VALUES.items():
        if f"{{{name}}}" in FORMS[skill].text:
            every = [{**about, name: value} for about in every for value in values]
    return tuple(every)


def ask(scene: Scene, skill: str, rng: Random) -> tuple[str, str] | None:
    """A question of a skill about a scene with its answer; None where none fits.

    Each answer that a scene has to questions of the skill is as likely as the others, so that
    always "no" or always "0" gains little.
    """
    by_answer: dict[str, list[str]] = {}
    for about in _every(skill):
        answer = FORMS[skill].answer(scene, **about)
        if answer is not None:
            by_answer.setdefault(answer, []).append(FORMS[skill].text.format(**about))
    if not by_answer:
        return None
    answer = rng.choice(sorted(by_answer))
    return rng.choice(by_answer[answer]), answer


def answer_to(question: str, scene: Scene) -> str | None:
    """What a scene says to a question; None where it says nothing, or is not asked so."""
    about = _questions().get(" ".join(question.lower().split()))
    return None if about is None else FORMS[about[0]].answer(scene, **about[1])


@cache
def _questions() -> dict[str, tuple[str, dict[str, str]]]:
    """Every question that there is, with its skill and what it is about."""
    known = {}
    for skill, form in FORMS.items():
        for about in _every(skill):
            known[form.text.format(**about).lower()] = (skill, about)
    return known
