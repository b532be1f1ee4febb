"""Does an image show its answer? What was drawn says so, or a teacher who is shown it."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.checks.image_agrees import ImageAgrees
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.media import picture_of
from dataenvgym_spec.gym.tasks.scenes import paint, read
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.teachers.protocol import Ask
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support.golden import assert_golden
from tests.support.images import drawn
from tests.support.teachers import Scripted

PROMPT = built_in_templates()["builtin:image-agrees"]
SCENE = "a small red circle at the top left and a large blue square at the right on white"


def example(
    target: str,
    question: str = "What colour is the circle?",
    image: str = SCENE,
    content: bytes = b"",
) -> Example:
    scene = read(SCENE)
    assert scene is not None
    picture = picture_of(content or paint(scene, 24))
    return Example(
        id="1",
        input=question,
        target=target,
        group="g",
        cluster="c",
        skill="g",
        images=(picture,),
        verifier={"image": image},
    )


def said(check: ImageAgrees, *rows: Example, **sight: Any) -> list[str | None]:
    return check.objections(rows, Sight(scorer=ExactMatch(), **sight))


@pytest.mark.parametrize(
    ("row", "objection"),
    [
        (example("Red."), None),
        (example("blue"), "its image says 'red'"),
        (example("1", "How many circle shapes are there?"), None),
        (example("no", "Who painted it?"), "what its image shows does not answer the question"),
        (example("red", image="a dog"), "its image is no drawn scene"),
        (msgspec.structs.replace(example("red"), verifier={}), "its image is no drawn scene"),
    ],
)
def test_what_was_drawn_answers_the_question(row: Example, objection: str | None) -> None:
    assert said(ImageAgrees(prompt=PROMPT), row) == [objection]


def judging(*rows: Example, says: Any, folder: Path) -> tuple[list[str | None], Scripted]:
    """What a teacher who is shown the images says of candidates."""
    scene = read(SCENE)
    assert scene is not None
    teacher = Scripted(says=says)
    check = ImageAgrees(prompt=PROMPT, teacher=teacher)
    check.coming(rows, {"g": len(rows)})
    return said(check, *rows, file=lambda picture: folder / picture.file), teacher


def test_a_teacher_is_shown_the_image(tmp_path: Path) -> None:
    scene = read(SCENE)
    assert scene is not None
    photo = drawn("JPEG")
    rows = [example("red"), example("blue"), example("grey", content=photo)]
    for row, content in zip(rows, (paint(scene, 24), paint(scene, 24), photo), strict=True):
        path = tmp_path / row.images[0].file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def says(ask: Ask, _: int) -> str:
        return (
            json.dumps({"agrees": "answer: red" in ask.messages[0].content})
            if "grey" not in ask.id
            else "{}"
        )

    objections, teacher = judging(*rows, says=says, folder=tmp_path)
    assert objections == [
        None,
        "a teacher who sees the image does not agree",
        "no answer of the teacher who sees the image could be used",
    ]
    assert len(teacher.batches) == 1, "all are asked about at once"
    (first, _, last) = (ask.messages[0].images[0] for ask in teacher.asked)
    assert (
        first.media == "image/png" and last.media == "image/jpeg" and b64decode(last.data) == photo
    )
    with (
        Image.open(BytesIO(b64decode(first.data))) as shown,
        Image.open(BytesIO(paint(scene, 24))) as painted,
    ):
        assert list(shown.getdata()) == list(painted.getdata())
    assert_golden(
        "check",
        "image-agrees",
        {1: "c61b6000642aabba"},
        [objections, [ask.messages[0].content for ask in teacher.asked]],
    )


def test_no_image_no_judgement() -> None:
    with pytest.raises(StageError, match="nobody says where its file is"):
        said(ImageAgrees(prompt=PROMPT, teacher=Scripted()), example("red"))
