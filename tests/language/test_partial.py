"""What may be written in an override, and what is said about it."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dataenvgym_spec.language.partial import partial, partial_slot
from dataenvgym_spec.language.schema import experiment_schema
from tests.support.graphs import findings
from tests.support.specs import TINY

ARM = "  with-state: {}"
SLOT = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"enum": ["even", "greedy"]}},
    "allOf": [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/definitions/policy.{kind}"},
        }
        for kind in ("even", "greedy")
    ],
}


KINDS: dict[str, dict[str, Any]] = {
    "even": {"spread": {"type": "number"}, "size": {"type": "integer"}},
    "greedy": {"size": {"type": "integer"}, "spread": {"enum": ["wide"]}},
}


def accepts(value: Any) -> bool:
    """Whether an override of the slot may be this value."""
    whole = {
        f"policy.{kind}": {
            "type": "object",
            "properties": {"kind": {"type": "string"}, **options},
            "required": list(options),
            "additionalProperties": False,
        }
        for kind, options in KINDS.items()
    }
    definitions = {f"partial.{name}": partial(part) for name, part in whole.items()}
    return jsonschema.Draft7Validator(
        {"definitions": definitions, "allOf": [partial_slot(SLOT, KINDS.values())]}
    ).is_valid(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"kind": "even"},
        {"size": 3},
        {"size": None},
        {"spread": 0.5},
        {"spread": "wide"},
        {"kind": "even", "spread": 2},
    ],
)
def test_any_part_of_a_component_may_be_given(value: Any) -> None:
    assert accepts(value)


@pytest.mark.parametrize(
    "value",
    [
        3,
        {"kind": None},
        {"kind": "other"},
        {"sise": 3},
        {"size": "3"},
        {"spread": "narrow"},
        {"kind": "even", "spread": "wide"},
        {"kind": "even", "x": 1},
    ],
)
def test_what_no_kind_takes_is_refused(value: Any) -> None:
    assert not accepts(value)


def test_nothing_is_required_or_counted_at_any_depth() -> None:
    inner = {
        "type": "object",
        "properties": {"a": {"type": "string", "default": "x"}},
        "required": ["a"],
        "minProperties": 1,
    }
    assert partial({"type": "object", "properties": {"b": inner}, "required": ["b"]}) == {
        "type": ["object", "null"],
        "properties": {
            "b": {"type": ["object", "null"], "properties": {"a": {"type": ["string", "null"]}}}
        },
    }


def test_a_list_replaces_a_list_and_its_items_are_whole() -> None:
    items = {"type": "object", "required": ["a"], "properties": {"a": {"default": 1}}}
    assert partial({"type": "array", "items": items}) == {"type": ["array", "null"], "items": items}


def test_a_key_may_be_called_like_a_keyword() -> None:
    assert partial({"properties": {"required": {"type": "string"}, "items": {"enum": ["x"]}}}) == {
        "properties": {"required": {"type": ["string", "null"]}, "items": {"enum": ["x", None]}}
    }


def test_every_arm_that_removes_everything_is_well_formed() -> None:
    keys = experiment_schema()["definitions"]["arm"]["properties"]
    validator = jsonschema.Draft7Validator(
        {"definitions": experiment_schema()["definitions"], "$ref": "#/definitions/arm"}
    )
    assert list(validator.iter_errors(dict.fromkeys(keys))) == []


def test_an_arm_may_exchange_one_of_two_keys_that_exclude_each_other(tmp_path: Path) -> None:
    """`null` takes the base's key away, so two keys stand in the override and one after merging."""
    assert (
        findings(
            tmp_path,
            TINY.replace(
                ARM, "  with-state: {student: {train: {length: {steps: null, epochs: 2}}}}"
            ),
        )
        == ()
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "{agent: {policy: {flor: 0.1}}}",
            "E102]: unknown key 'flor' in 'policy'\n ... did you mean 'floor'?",
        ),
        ("{agent: {policy: {floor: 2}}}", "E106]: 'floor': must be at most 1, not 2"),
        ("{loop: {iterations: two}}", "E103]: 'iterations' must be a whole number, not 'two'"),
        (
            "{student: {train: {schedule: step}}}",
            "E106]: 'step' is not allowed for 'schedule'\n ... allowed here: constant, cosine, linear",
        ),
        (
            "{student: 3}",
            "E103]: 'student' must be a mapping, not 3\n ... The model that is taught.",
        ),
        (
            "{agent: {observe: 3}}",
            "E103]: 'observe' must be 'nothing' or a mapping with 'errors', 'scores', 'yield', 'student', not 3",
        ),
        (
            "{student: {train: {length: {steps: 1, epochs: 2}}}}",
            "E106]: 'length': has too many entries, more than 1",
        ),
    ],
)
def test_an_override_is_told_about_as_plainly_as_the_rest(
    override: str, said: str, tmp_path: Path
) -> None:
    (found,) = findings(tmp_path, TINY.replace(ARM, f"  with-state: {override}"))
    first, _, last = said.partition("\n ... ")
    assert first in found.render()
    assert last in found.help


@pytest.mark.parametrize(
    "edit",
    [
        ("  iterations: 2", "  iterations: 2.0"),
        ("examples: 30", "examples: 3e1"),
        ("heads: 2", "heads: 2.0"),
        ("version: 1", "version: 1.0"),
    ],
)
def test_a_fraction_is_no_count_even_if_it_is_whole(edit: tuple[str, str], tmp_path: Path) -> None:
    (found,) = findings(tmp_path, TINY.replace(*edit, 1))
    assert "must be a whole number" in found.message
