"""Examples that a language model describes and a painter paints."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.engines.painted import Painted
from dataenvgym_spec.gym.tasks.media import picture_of
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import item_id
from dataenvgym_spec.records.plans import ShownError
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support.golden import assert_golden, component, make, requests
from tests.support.images import drawn
from tests.support.teachers import Scripted, examples

PROMPT = built_in_templates()["builtin:pictures"]
USUAL: dict[str, Any] = {
    "prompt": PROMPT, "task": "Shapes.", "per_call": 4, "oversample": 1.0, "top_up": 1, "errors": 2, "existing": 3,
}  # fmt: skip
ROWS = [
    {"image": "a red circle at the top", "input": "What colour is the circle?", "target": "red"},
    {"image": "a blue circle at the top", "input": "What colour is the circle?", "target": "blue"},
    {"image": "a dog", "input": "What is it?", "target": "a dog"},
    {"input": "What is it?", "target": "a dog"},
]


def engine(teacher: Scripted, **more: Any) -> Painted:
    painter = make("painter", component("painter", "shapes", pixels=24))
    return Painted(teacher=teacher, painter=painter, **USUAL, **more)


def made(engine: Painted, tools: Tools, **wanted: int) -> list[Example]:
    return list(engine.generate(requests(**wanted), tools))


def test_a_question_is_asked_about_the_image_that_was_described() -> None:
    teacher, tools = Scripted(says=lambda *_: examples(*ROWS)), Tools(seed=1)
    painting = engine(teacher)
    found = made(painting, tools, colour=3)
    assert [(one.input, one.target) for one in found] == [
        (row["input"], row["target"]) for row in ROWS[:2]
    ]
    for one, row in zip(found, ROWS, strict=False):
        (picture,) = one.images
        assert one.verifier == {"image": row["image"]} and tools.images.content(picture)
        assert one.id == item_id(one.input, images=[picture.digest]) != one.cluster
        assert one.cluster == item_id("", images=[picture.digest]) and one.golds == (one.target,)
        assert one.provenance is not None and one.provenance.asks == (teacher.asked[0].id,)
    assert (
        painting.counts["descriptions that were not painted"] == 1
        and painting.counts["unparsed"] == 1
    )
    assert_golden(
        "engine",
        "painted",
        {1: "4caf41b9108734f7"},
        [[one.row() for one in found], teacher.prompts],
    )


def test_the_teacher_is_asked_for_what_an_image_shows() -> None:
    teacher = Scripted(says=lambda *_: examples(*ROWS))
    made(engine(teacher), Tools(seed=1), colour=1)
    fields = teacher.asked[0].shape["properties"]["examples"]["items"]
    assert list(fields["properties"]) == fields["required"] == ["image", "input", "target"]
    assert 'Write 1 new question of the skill "colour".' in teacher.prompts[0]


def wrong(folder: Path, *forms: str) -> tuple[ShownError, ...]:
    """Errors about images, whose files lie in a folder."""
    errors = []
    for number, form in enumerate(forms):
        content = drawn(form, colour=40 * number)
        picture = picture_of(content)
        path = folder / picture.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        error = ShownError(id=str(number), input="What is it?", target="a ramp", prediction="a dog")
        errors.append(msgspec.structs.replace(error, images=(picture,)))
    return tuple(errors)


def test_a_teacher_that_sees_is_shown_what_errors_are_about(tmp_path: Path) -> None:
    errors = {"colour": wrong(tmp_path, "PNG", "BMP", "JPEG")}
    tools = Tools(seed=1, errors=errors, file=lambda picture: tmp_path / picture.file)
    teacher, told = (
        Scripted(says=lambda *_: examples(*ROWS)),
        Scripted(says=lambda *_: examples(*ROWS)),
    )
    made(engine(teacher, show_images=True), tools, colour=1)
    made(engine(told), tools, colour=1)
    (seen, *_), (blind, *_) = teacher.asked, told.asked
    assert [image.media for image in seen.messages[0].images] == ["image/png", "image/png"]
    first, second = (b64decode(image.data) for image in seen.messages[0].images)
    assert first == drawn() and picture_of(second).media == "image/png"
    assert "You are shown their images, in this order." in seen.messages[0].content
    assert not blind.messages[0].images
    assert "about images that you are not shown" in blind.messages[0].content
    with pytest.raises(StageError, match="nobody says where their files are"):
        made(engine(teacher, show_images=True), Tools(seed=1, errors=errors), colour=1)


def test_errors_without_images_are_told(tmp_path: Path) -> None:
    bare = msgspec.structs.replace(wrong(tmp_path, "PNG")[0], images=())
    teacher = Scripted(says=lambda *_: examples(*ROWS))
    made(engine(teacher, show_images=True), Tools(seed=1, errors={"colour": (bare,)}), colour=1)
    assert not teacher.asked[0].messages[0].images
    assert "about images that you are not shown" in teacher.prompts[0]
