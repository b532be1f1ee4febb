"""Made-up rows and answers fit what asks for them."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest

from dataenvgym_spec.execute.rehearsal.filling import Filling
from dataenvgym_spec.execute.rehearsal.made_up import Unmade, answered, made, phrased, rows
from dataenvgym_spec.gym.answers import TEXT, shape_of
from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.language.components import definitions

SHAPES: list[dict[str, Any]] = [
    {"type": "object", "properties": {"verdict": {"enum": ["yes", "no"]}}, "required": ["verdict"]},
    {
        "type": "object",
        "properties": {
            "skills": {
                "type": "array", "minItems": 2, "maxItems": 5,
                "items": {"type": "string", "maxLength": 8},
            },
            "share": {"type": "number", "minimum": 0, "maximum": 1},
            "count": {"type": "integer", "minimum": 3, "maximum": 3},
            "why": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
        "required": ["skills", "share", "count", "why"],
    },
]  # fmt: skip


def filling(text: str, form: str = "ANSWER") -> Filling:
    return Filling(form=form, text=text, rng=random.Random(1))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_filled_fits_the_schema(shape: dict[str, Any]) -> None:
    jsonschema.validate(filling("Decide.").filled(shape), shape)


def test_an_example_that_is_written_has_its_own_answer() -> None:
    example = {"type": "object", "properties": {"input": {"type": "string"}, "target": {"type": "string"}}}  # fmt: skip
    said = filling("Write one.", r"\boxed{ANSWER}").filled(example)
    assert said["target"] == phrased(r"\boxed{ANSWER}", answered(said["input"]) or 0)


def test_a_question_that_is_asked_again_is_answered_alike() -> None:
    asked = made(1)
    shape = {"type": "object", "properties": {"answer": {"type": "string"}}}
    assert filling(f"Solve: {asked.question}").filled(shape) == {"answer": str(asked.answer)}
    assert filling(f"Solve: {asked.question}").spoken() == str(asked.answer)


def test_what_a_component_says_stands_in_fields_of_its_name_and_type() -> None:
    """Programs, calls and descriptions fit what reads them, at any depth, with the right number."""
    call = [{"name": "answer", "arguments": [{"name": "value", "value": "ANSWER"}]}]
    shape = shape_of("calls")
    example = {"type": "object", "properties": {"input": TEXT, "target": shape, "image": TEXT}}
    says = {"target": call, "image": "a red circle", "input": ["no text"]}
    made_so = Filling(form="", text="Write one.", rng=random.Random(1), says=says)
    said = made_so.filled({"type": "array", "items": example, "minItems": 2})[0]
    assert said["target"][0]["arguments"][0]["value"] == answered(said["input"])
    assert said["image"] == "a red circle"


def test_rows_have_the_columns_that_are_named_at_any_depth() -> None:
    columns = {"problem": "input", "answers.0.text": "target", "tags.*": "group", "meta.key": "key"}
    first, *_ = rows(columns, count=2, first=7, form="#### ANSWER")
    assert answered(first["problem"]) == int(first["answers"][0]["text"].removeprefix("#### "))
    assert first["tags"] == ["group 2"] and first["meta"] == {"key": "row 7"}
    with pytest.raises(Unmade, match="picture"):
        list(rows({"image": "picture"}, count=1, first=0, form=""))


def test_rows_are_read_by_a_source(tmp_path: Any) -> None:
    columns = {"q": "input", "a": "target", "g": "group"}
    path = tmp_path / "rows.jsonl"
    made_up = rows(columns, count=30, first=0, form="ANSWER")
    path.write_text("".join(json.dumps(row) + "\n" for row in made_up), encoding="utf-8")
    source = Jsonl(path=path, fields={"input": "q", "target": "a", "group": "g"})
    assert len(source.items) == 30 and len({item.id for item in source.items}) == 30
    assert source.groups() == ["group 1", "group 2", "group 3"]


@pytest.mark.parametrize("kind", sorted(definitions()["scorer"]))
def test_a_form_of_answers_holds_the_number(kind: str) -> None:
    form = definitions()["scorer"][kind].rehearsal.get("target", "ANSWER")
    assert "41" in phrased(form, 41)


def test_stand_ins_are_components_of_the_same_slot() -> None:
    for slot, kinds in definitions().items():
        for item in kinds.values():
            kind = item.rehearsal.get("kind", item.kind)
            assert kind in definitions()[slot], (slot, item.kind)
            named = item.rehearsal.get("options", {})
            assert {*named} <= {*item.schema["properties"]}, (slot, item.kind)
