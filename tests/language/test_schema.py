from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.language.schema import experiment_schema, schema_text
from tests.support.repositories import ROOT
from tests.support.specs import TINY

GYM = "dataenvgym_spec/gym"
MAY_LACK = {"bitsandbytes", "diffusers", "imagehash"}
"""Packages of components that a machine on which the tests run may do without."""


def test_the_published_schema_is_the_one_the_code_uses() -> None:
    assert (ROOT / "schemas" / "experiment.schema.json").read_text(
        encoding="utf-8"
    ) == schema_text()


def test_the_schema_is_valid_draft_07_without_build_time_marks() -> None:
    jsonschema.Draft7Validator.check_schema(experiment_schema())
    assert "x-slot" not in schema_text()
    assert experiment_schema()["$schema"].endswith("draft-07/schema#")


def test_every_reference_in_the_schema_resolves() -> None:
    names = set(experiment_schema()["definitions"])
    used = {part.split('"')[0] for part in schema_text().split('"#/definitions/')[1:]}
    assert used <= names


def test_everything_a_person_can_write_is_described() -> None:
    missing = []
    for name, part in experiment_schema()["definitions"].items():
        if name == "arm" or name.startswith("partial."):
            continue
        missing += [
            f"{name}.{key}"
            for key, value in part.get("properties", {}).items()
            if not (value.get("description") or "$ref" in value)
        ]
    assert missing == []


def test_every_whole_number_has_bounds() -> None:
    """One without an end passes `validate` and fails, or never comes to an end, in a stage."""
    parts = [
        part
        for name, definition in experiment_schema()["definitions"].items()
        if not name.startswith("partial.")
        for part in parts_of(definition)
    ]
    whole = [part for part in parts if part.get("type") == "integer" and "enum" not in part]
    assert len(whole) > 20
    for part in whole:
        assert {"minimum", "exclusiveMinimum"} & set(part), part
        assert {"maximum", "exclusiveMaximum"} & set(part), part


def parts_of(part: Any) -> Iterator[dict[str, Any]]:
    """The mappings in a part of a schema, at every depth."""
    if isinstance(part, dict):
        yield part
    values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in values:
        yield from parts_of(value)


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")))
def test_the_shipped_specs_pass_a_foreign_validator(path) -> None:
    content = yaml.safe_load(
        path.read_text(encoding="utf-8")
        .replace("2e-3", "0.002")
        .replace("1e-3", "0.001")
        .replace("3e-3", "0.003")
    )
    assert list(jsonschema.Draft7Validator(experiment_schema()).iter_errors(content)) == []


def test_an_arm_may_be_partial_and_remove_keys() -> None:
    content = yaml.safe_load(TINY.replace("2e-3", "0.002").replace("1e-3", "0.001"))
    content["arms"]["no-state"] = {
        "agent": {"policy": {"power": 2}, "checks": {"overlap": None}},
        "student": {"train": {"adapter": None}},
    }
    assert list(jsonschema.Draft7Validator(experiment_schema()).iter_errors(content)) == []


def test_every_component_has_a_definition_and_an_implementation_that_loads() -> None:
    for slot, kinds in definitions().items():
        for kind, item in kinds.items():
            assert item.semantics >= 1
            assert item.description
            # A task has none; what generates and trains is loaded where its packages are.
            absent = MAY_LACK & set(item.missing())
            if slot not in ("task", "trainer", "backend") and not absent:
                assert isinstance(item.load(), type), (slot, kind)


def test_the_built_in_components_are_the_listing_of_the_folders() -> None:
    listed = {path.relative_to(ROOT).as_posix() for path in (ROOT / GYM).rglob("*.json")}
    modules = [item.implementation for kinds in definitions().values() for item in kinds.values()]
    assert {f"{module.partition(':')[0].replace('.', '/')}.json" for module in modules} == listed
    assert {slot for slot, kinds in definitions().items() if not kinds} <= {"sandbox"}


def test_what_is_installed_is_ordered_after_what_is_built_in() -> None:
    assert list(definitions()["check"]) == [
        "scorable",
        "duplicate",
        "overlap",
        "known",
        "difficulty",
        "near-duplicate",
        "near-overlap",
        "text-length",
        "verified",
        "executes",
        "calls",
        "image-agrees",
        "near-image",
    ]
    data = {"title": "T", "description": "D.", "semantics": 1, "order": 0}
    installed = declare("check", "aaa", data, implementation="a:A", by="a")
    assert all(installed.order > item.order for item in definitions()["check"].values())
