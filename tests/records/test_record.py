"""Records write the bytes of the rows that they replaced: a field that a row does not use is not written."""

import msgspec
import pytest

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example, Provenance, Rejected
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.plans import Plan, Request, Step
from dataenvgym_spec.records.turns import ToolSchema, Turn

ITEM = Item(id="1", input="1 + 1", target="2", group="sum", cluster="c")


def test_a_field_that_is_not_set_is_not_written() -> None:
    assert ITEM.plain() == {
        "id": "1", "input": "1 + 1", "target": "2", "group": "sum", "cluster": "c",
        "verifier": {}, "metadata": {},
    }  # fmt: skip
    example = Example.of(ITEM, "sum")
    assert example.plain() == {**ITEM.plain(), "skill": "sum"}
    assert "notes" in msgspec.structs.replace(example, notes={"known": "yes"}).plain()


def test_what_a_question_shows_is_written_where_there_is_something() -> None:
    picture = Picture(digest="a" * 64, media="image/jpeg", width=2, height=1)
    turn = Turn(role="user", text="Look.", images=(picture,))
    tool = ToolSchema(name="now")
    asked = msgspec.structs.replace(
        ITEM, targets=("2", "two"), before=(turn,), images=(picture,), tools=(tool,)
    )
    assert Example.parse(Example.of(asked, "sum").plain()).item() == asked
    assert asked.plain().keys() - ITEM.plain().keys() == {"targets", "before", "images", "tools"}
    assert asked.golds == ("2", "two") and ITEM.golds == ("2",)
    assert picture.file == f"media/{'a' * 32}.jpg"


@pytest.mark.parametrize(
    "said",
    [
        {"digest": "../" * 9 + "secret"},
        {"digest": "a" * 63},
        {"digest": "a" * 64 + "\n"},
        {"media": "image/svg+xml"},
        {"media": "text/html"},
    ],
)
def test_an_image_names_no_other_file_and_is_no_program(said: dict[str, str]) -> None:
    """Results may be a stranger's: what they say of an image is made a path and part of a page."""
    picture = {"digest": "a" * 64, "media": "image/png", "width": 1, "height": 1}
    assert Picture.parse(picture).file == f"media/{'a' * 32}.png"
    with pytest.raises(msgspec.ValidationError):
        Picture.parse({**picture, **said})


def test_what_is_falsy_but_set_is_written() -> None:
    step = Step(allocation={}, reasons={}, scores={}, shortfall=None)
    assert step.plain() == {"allocation": {}, "reasons": {}, "scores": {}}
    result = Result(
        id="1", group="g", input="", target="", prediction="", score=0.0, correct=False,
        unparseable=False, truncated=False, iteration=0,
    )  # fmt: skip
    assert result.plain()["iteration"] == 0


def test_a_result_is_drawn_with_its_cluster_or_alone() -> None:
    """An item on its own writes no cluster, so that its row keeps its bytes."""
    row = {"id": "1", "group": "g", "input": "", "target": "", "prediction": "", "score": 0.0}
    row |= {"correct": False, "unparseable": False, "truncated": False}
    alone, together = Result.parse(row), Result.parse({**row, "cluster": "c"})
    assert (alone.unit, together.unit) == ("1", "c")
    assert alone.plain() == row
    assert together.plain() == {**row, "cluster": "c"}


def test_a_record_is_read_back_as_it_was_written() -> None:
    provenance = Provenance(iteration=1, round=0, plan="k", teacher="t", request=3)
    example = msgspec.structs.replace(Example.of(ITEM, "sum"), provenance=provenance)
    for record in (ITEM, example, Rejected.by(example, "known", "why")):
        assert type(record).parse(record.plain()) == record
    assert example.item() == ITEM


def test_a_row_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        Item.parse({"id": "1"})
    with pytest.raises(msgspec.ValidationError):
        Item.parse({**ITEM.plain(), "target": 7})


def test_numbers_keep_their_form() -> None:
    big = 10**30
    item = Item.parse({**ITEM.plain(), "metadata": {"n": big, "x": 1, "y": 1.0}})
    assert repr(item.plain()["metadata"]) == f"{{'n': {big}, 'x': 1, 'y': 1.0}}"


def test_a_plan_asks_for_its_allocation_unless_it_says_more() -> None:
    plan = Plan(allocation={"sum": 2, "gcd": 0}, reasons={}, errors={})
    assert [(request.skill, request.count) for request in plan.asked()] == [("sum", 2), ("gcd", 0)]
    assert all(request.simple for request in plan.asked())
    brief = Request(id="1", count=2, skill="sum", brief="carry over")
    assert not brief.simple
    more = msgspec.structs.replace(plan, requests=(brief,))
    assert more.asked() == (brief,)
    assert Plan.parse(more.plain()) == more
