"""A component with what it refers to bound: one form for keys, whatever order its options stand in."""

from typing import Any

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.language.components import definition
from tests.support.components import Install

SOURCE = {"kind": "reasoning-gym", "families": {"sum": {"dataset": "chain_sum"}}}
VERSION = definition("source", "reasoning-gym").version()
TEACHER = {"kind": "procedural", "source": "problems"}
ENGINE = {"kind": "procedural", "teacher": "writer", "oversample": 2.0, "corrupt": 0.0}


def named(slot: str, name: str) -> dict[str, Any]:
    return {("source", "problems"): SOURCE, ("teacher", "writer"): TEACHER}[slot, name]


def test_what_an_option_names_stands_in_its_place() -> None:
    engine = Component.bind("engine", ENGINE, named)
    source = {**SOURCE, "semantics": VERSION}
    teacher = {"kind": "procedural", "semantics": 1, "source": source}
    assert engine.plain() == {**ENGINE, "semantics": 1, "teacher": teacher}
    assert [(part.slot, part.kind) for part in engine.walk()] == [
        ("engine", "procedural"),
        ("teacher", "procedural"),
        ("source", "reasoning-gym"),
    ]


def test_a_part_deep_in_the_options_keeps_what_stands_beside_it() -> None:
    model = {"kind": "scratch", "layers": 1, "pretrain": {"source": "problems", "examples": {}}}
    bound = Component.bind("model", model, named)
    assert bound.plain()["pretrain"] == {"source": {**SOURCE, "semantics": VERSION}, "examples": {}}
    assert bound.options == {"layers": 1, "pretrain": {"examples": {}}}
    assert model["pretrain"] == {"source": "problems", "examples": {}}


def test_what_cannot_act_is_left_out_of_parts_too(install: Install) -> None:
    needs = {"type": "number", "default": 1.0, "description": "Hints.", "x-needs": ["errors"]}
    install("teacher", "hinting", properties={"hints": needs})
    hinting = {"kind": "hinting", "hints": 2.0}
    engine = Component.bind("engine", ENGINE, lambda _slot, _name: hinting)
    assert engine.acting({"errors"}.__contains__) == engine
    blind = engine.acting({"scores"}.__contains__)
    assert blind.parts["teacher",].options == {}
    assert blind.options == engine.options


def test_plain_and_parse_are_each_others_inverse() -> None:
    engine = Component.bind("engine", ENGINE, named)
    assert Component.parse("engine", engine.plain()) == engine


def test_a_component_of_version_1_without_options_is_a_word() -> None:
    plain = Component(slot="trainer", kind="sft", version=1)
    assert plain.word() == "sft" and Component.parse("trainer", "sft") == plain
    other = Component(slot="trainer", kind="sft", version=2)
    assert other.word() == {"kind": "sft", "semantics": 2}
    assert Component.parse("trainer", other.word()) == other


def test_a_component_that_is_not_installed_is_read_and_not_made() -> None:
    gone = Component.parse("policy", {"kind": "gone", "semantics": 3, "top": 1})
    assert (gone.version, gone.options) == (3, {"top": 1})
    with pytest.raises(UserError, match="there is no policy 'gone'"):
        make(gone)


def test_another_version_is_not_made() -> None:
    old = Component(slot="policy", kind="allocate", version=0, options={"power": 1.0, "floor": 0})
    with pytest.raises(UserError, match="compiled for version 0") as error:
        make(old)
    assert "dataenvgym compile" in error.value.help


def test_parts_are_made_first_and_handed_over() -> None:
    engine = make(Component.bind("engine", ENGINE, named))
    assert engine.source.groups() == ["sum"]
