"""Examples that a language model describes and a painter paints."""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.gym.engines.painted import Painted
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import item_id
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support.golden import assert_golden, component, make, requests
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


def engine(teacher: Scripted) -> Painted:
    painter = make("painter", component("painter", "shapes", pixels=24))
    return Painted(teacher=teacher, painter=painter, **USUAL)


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
