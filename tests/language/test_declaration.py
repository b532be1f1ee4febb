"""What a component's JSON file may declare."""

from typing import Any

import pytest

from dataenvgym_spec.language.components import FOLDERS
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.language.declared import SLOTS
from dataenvgym_spec.resolve.defaults import _fill

DATA: dict[str, Any] = {"title": "A policy", "description": "Decides.", "semantics": 1}


def test_every_slot_has_a_folder_of_the_gym() -> None:
    assert tuple(FOLDERS) == SLOTS


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"promise": "same-machne"}, "'promise' cannot be \"same-machne\""),
        ({"description": ["Decides."]}, "'description' is a text, not"),
        ({"skills": "grups"}, "did you mean 'groups'"),
        ({"rejects": "repeat"}, "did you mean 'repeats'"),
        ({"properties": {"a": {"x-slot": "techer"}}}, "did you mean 'teacher'"),
        ({"properties": {"a": {"x-file": "dta"}}}, "did you mean 'data'"),
        ({"properties": {"a": {"x-revision": "modl"}}}, "did you mean 'model'"),
        ({"properties": {"a": {"properties": {"b": {"x-file": "?"}}}}}, "'x-file'"),
        ({"properties": {"a": {"properties": {"n": {}}, "x-recipe": [["m"]]}}}, "names 'm'"),
        (
            {"properties": {"a": {"anyOf": [{}, {"x-file": "data"}]}}},
            "'x-file' of 'a' stands below",
        ),
        (
            {"properties": {"a": {"if": {}, "then": {"properties": {"b": {"x-slot": "teacher"}}}}}},
            "'x-slot' of 'a'",
        ),
    ],
)
def test_a_word_that_is_not_declared_for_is_refused(more: dict[str, Any], words: str) -> None:
    """A typo in a promise would otherwise be the strongest one."""
    with pytest.raises(ValueError, match=words):
        declare("policy", "odd", {**DATA, **more}, implementation="odd:Odd", by="a-package")


def test_values_that_look_like_keywords_are_values() -> None:
    option = {"default": {"x-file": 1}, "items": {"enum": [{"x-slot": 2}], "x-list": "all"}}
    made = declare("policy", "odd", {**DATA, "properties": {"a": option}}, implementation="o:O")
    assert not made.files and not made.parts


def test_a_default_is_filled_as_if_a_spec_said_it() -> None:
    """Otherwise what `show` prints of a spec would have another key."""
    schema = {"properties": {"a": {"type": "number", "default": 20}}}
    assert repr(_fill(schema, {})) == repr(_fill(schema, {"a": 20})) == "{'a': 20.0}"


def test_lists_are_filled_by_the_schema_of_their_items() -> None:
    assert _fill({"type": "array", "uniqueItems": True}, ["b", "a"]) == ["b", "a"]
    numbers = _fill({"type": "array", "items": {"type": "number"}}, [1, 2.0])
    assert list(map(type, numbers)) == [float, float]
