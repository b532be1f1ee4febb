"""The texts an editor shows: everything a person can write has one, and each tells the truth about its value."""

from collections.abc import Iterator
from typing import Any

import jsonschema

from dataenvgym_spec.language.hover import with_hover_texts
from dataenvgym_spec.language.schema import experiment_schema

SCHEMA = experiment_schema()


def inside(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema, with its path; conditions and names are left out, since nobody writes them."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for word in ("properties", "definitions"):
        for name, part in schema.get(word, {}).items():
            yield from inside(part, f"{path}/{word}/{name}")
    for word in ("additionalProperties", "items", "then", "else"):
        yield from inside(schema.get(word), f"{path}/{word}")
    for word in ("allOf", "anyOf", "oneOf"):
        for number, part in enumerate(schema.get(word, [])):
            yield from inside(part, f"{path}/{word}/{number}")


def described(schema: Any) -> bool:
    if schema is True:  # said elsewhere: only allowed here
        return True
    target = SCHEMA["definitions"].get(str(schema.get("$ref", "")).rpartition("/")[2], {})
    return bool(schema.get("description") or target.get("description"))


def test_every_key_and_every_named_value_is_described() -> None:
    found = dict(inside(SCHEMA))
    assert len(found) > 300
    keys = {
        f"{path}/{name}": part
        for path, schema in found.items()
        for name, part in schema.get("properties", {}).items()
    }
    named = {
        path: part["additionalProperties"]
        for path, part in found.items()
        if isinstance(part.get("additionalProperties"), dict)
    }
    # A number of examples per group, say, is explained where the mapping is.
    named = {path: part for path, part in named.items() if "$ref" in part or "properties" in part}
    assert [path for path, part in {**keys, **named}.items() if not described(part)] == []


def test_every_kind_of_a_component_has_a_text_of_its_own() -> None:
    kinds = [
        schema
        for path, schema in inside(SCHEMA)
        if path.endswith("/properties/kind") and "enumDescriptions" in schema
    ]
    assert len(kinds) >= 8
    assert all(
        len(kind["enumDescriptions"]) == len(kind["enum"]) and all(kind["enumDescriptions"])
        for kind in kinds
    )


def test_every_default_is_a_value_its_own_schema_takes() -> None:
    defaults = {path: schema for path, schema in inside(SCHEMA) if "default" in schema}
    assert len(defaults) > 30
    for path, schema in defaults.items():
        errors = jsonschema.Draft7Validator(
            {"definitions": SCHEMA["definitions"], "allOf": [schema]}
        ).iter_errors(schema["default"])
        assert [error.message for error in errors] == [], path


def test_nothing_but_annotations_stands_beside_a_reference() -> None:
    """Draft-07 ignores what stands beside `$ref`, so a bound there would bind in no validator."""
    annotations = {"$ref", "title", "description", "markdownDescription", "default"}
    assert [
        path for path, schema in inside(SCHEMA) if "$ref" in schema and schema.keys() - annotations
    ] == []


def test_a_text_tells_default_and_bounds_and_keeps_the_description() -> None:
    power = {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 10,
        "default": 1.0,
        "description": "A power.",
    }
    assert with_hover_texts({"properties": {"power": power}}) == {
        "properties": {
            "power": {
                **power,
                "markdownDescription": "A power.\n\nDefault `1.0`, more than `0`, at most `10`.",
            }
        }
    }
    for plain in (
        {"description": "Any."},
        {"description": "Empty.", "default": ""},
        {"description": "A mapping.", "default": {"a": 1}},
        {"default": 1},
    ):
        assert with_hover_texts(plain) == plain


def test_a_key_may_be_called_like_a_keyword() -> None:
    keys = {
        "default": {"type": "integer", "minimum": 1, "description": "A key."},
        "description": {"type": "string", "description": "Another."},
    }
    texts = with_hover_texts({"properties": keys})["properties"]
    assert texts["default"]["markdownDescription"] == "A key.\n\nAt least `1`."
    assert texts["description"] == keys["description"]
