"""Proposers of subskills: from lists of the spec, and by the task itself."""

from __future__ import annotations

import re

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.engines.procedural import ProceduralEngine
from dataenvgym_spec.gym.proposers.protocol import Wanted
from dataenvgym_spec.gym.tasks.library import reasoning_gym
from dataenvgym_spec.gym.tasks.sources.curricula import variants
from dataenvgym_spec.gym.tasks.sources.families import AS_SET
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Request
from tests.support.golden import FAMILIES, assert_golden, component, make

TOOLS = Tools(seed=0)
SOURCE = component("source", "reasoning-gym", families=FAMILIES)
BY_SOURCE = component("proposer", "by-source", source=SOURCE)
LISTED = component("proposer", "listed", lists={"sum": ["one", "two", "three"], "gcd": ["four"]})


def wanted(count: int, *present: str) -> list[Wanted]:
    return [Wanted(skill=skill, count=count, present=present) for skill in ("sum", "gcd")]


def proposed(proposer: dict[str, object], count: int, *present: str) -> dict[str, list[str]]:
    made: dict[str, list[str]] = make("proposer", proposer).propose(wanted(count, *present), TOOLS)
    return made


def test_the_proposer_listed_makes_what_its_number_says() -> None:
    made = [proposed(LISTED, count, *present) for count in (1, 2, 9) for present in ((), ("Two ",))]
    assert_golden("proposer", "listed", {1: "0260ca518c6e9d11"}, made)
    assert made[-1] == {"sum": ["one", "three"], "gcd": ["four"]}


def test_the_proposer_by_source_makes_what_its_number_says() -> None:
    made = [proposed(BY_SOURCE, count, *present) for count in (1, 4, 99) for present in ((), (AS_SET,))]  # fmt: skip
    assert_golden("proposer", "by-source", {1: "01a0901e199da896"}, made)
    assert made[0] == {"sum": [AS_SET], "gcd": [AS_SET]}
    assert made[3]["sum"] == ["harder: num_terms 3", "harder: num_digits 3", "harder: num_terms 4", "harder: num_digits 4"]  # fmt: skip


def test_a_list_of_variants_that_the_source_does_not_have_is_an_error_with_its_place() -> None:
    names = {"sum": [AS_SET, "harder: num_terms 77"]}
    proposer = component("proposer", "listed", lists=names, source=SOURCE)
    with pytest.raises(StageError) as told:
        make("proposer", proposer)  # before a plan asks for it
    assert "'lists.sum[1]'" in str(told.value) and "num_terms 77" in str(told.value)
    assert "harder: num_terms 7" in str(told.value.help)


def test_a_list_of_no_group_of_the_source_is_an_error_with_its_place() -> None:
    proposer = component("proposer", "listed", lists={"sums": [AS_SET]}, source=SOURCE)
    with pytest.raises(StageError, match=r"'lists\.sums' of the proposer is of no group") as told:
        make("proposer", proposer)
    assert "did you mean 'sum'" in str(told.value.help)


def test_the_engine_draws_examples_of_a_variant() -> None:
    source = ReasoningGym(families=FAMILIES)
    engine = ProceduralEngine(teacher=ProceduralTeacher(source=source), oversample=1.0, corrupt=0)
    ask = Request(id="x", count=8, skill="sum", subskill="harder: num_terms 5")
    drawn = list(engine.generate([ask], TOOLS))
    assert len(drawn) == 8
    assert all(len(re.findall(r"\d+", row.input)) == 5 for row in drawn)
    assert {(row.group, row.skill, row.subskill, row.asked_by) for row in drawn} == {
        ("sum", "sum", ask.subskill, "x")
    }
    other = Request(id="x", count=1, skill="sum", subskill="carrying")
    with pytest.raises(StageError, match="'sum' has no variant 'carrying'") as told:
        list(engine.generate([other], TOOLS))
    assert "'as set'" in str(told.value.help)


def test_a_source_without_variants_says_so() -> None:
    class Plain:
        procedural = True

        def groups(self) -> list[str]:
            return ["sum"]

    engine = ProceduralEngine(teacher=ProceduralTeacher(source=Plain()), oversample=1.0, corrupt=0)  # type: ignore[arg-type]
    ask = Request(id="sum / zeros", count=1, skill="sum", subskill="zeros")
    with pytest.raises(StageError, match="no variants, and 'sum / zeros' asks for one"):
        list(engine.generate([ask], TOOLS))


def test_as_set_is_the_family_itself() -> None:
    source = ReasoningGym(families=FAMILIES)
    for family in FAMILIES:
        assert next(source.variant(family, AS_SET, 4)) == next(source.stream(family, 4))


@pytest.mark.parametrize(
    ("dataset", "config", "first"),
    [
        ("count_bits", {"min_n": 4096, "max_n": 8191}, ["harder: n 8191 to 1000000", "easier: n 1000 to 4096"]),
        ("spell_backward", {"min_word_len": 5, "max_word_len": 5}, ["harder: word_len 7", "easier: word_len 3"]),
        ("binary_matrix", {"p_zero": 0.25}, ["harder: p_zero 0.1", "easier: p_zero 0.5"]),
        ("list_functions", {}, []),
    ],
)  # fmt: skip
def test_variants_are_the_neighbouring_levels_of_the_librarys_curriculum(
    dataset: str, config: dict[str, object], first: list[str]
) -> None:
    names = [variant.name for variant in variants(dataset, config)]
    assert names[0] == AS_SET and names[1:3] == first
    assert len(set(names)) == len(names)


def test_every_curriculum_gives_variants_that_differ_from_the_configuration() -> None:
    with_some = 0
    for dataset in reasoning_gym.factory.CURRICULA:
        _, *others = variants(dataset, {})
        with_some += bool(others)
        assert all(other.change for other in others)
    assert with_some > 80
