"""Rules about components that are declared, whoever brings them; most rules are proved by tests/diagnostics."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.rules.capacity import capacity
from dataenvgym_spec.compile.rules.table import RULES
from dataenvgym_spec.language.components import definition, definitions
from tests.support.components import Install
from tests.support.graphs import findings
from tests.support.repositories import ROOT
from tests.support.specs import tiny

TEACHER = {"teacher": {"type": "string", "x-refers": "teacher"}}


def said(folder: Path, **sections: Any) -> list[tuple[str, str, str]]:
    """Code, message and help of what is wrong with the small spec after changes."""
    return [(item.code, item.message, item.help) for item in findings(folder, tiny(**sections))]


def test_every_rule_of_an_arm_is_a_file_of_its_own() -> None:
    files = {path.stem for path in (ROOT / "dataenvgym_spec/compile/rules").glob("*.py")}
    rules = {rule.__name__.rpartition(".")[2] for rule in RULES}
    assert len(rules) == len(RULES)
    others = {"__init__", "table", "seeds", "equal", "size", "pins", "duplicates", "linked"}
    others |= {"contrasts", "one_student", "noise"}
    helpers = {"allotted", "known", "supply", "capacity", "renewal"}
    assert files - rules == others | helpers


# --- what an option takes ---------------------------------------------------------------------------------------------


def test_an_engine_that_takes_a_language_model_refuses_a_procedural_teacher(
    install: Install, tmp_path: Path
) -> None:
    takes = {"teacher": {**TEACHER["teacher"], "x-takes": "language-model"}}
    install("engine", "writer", properties=takes, required=["teacher"])
    install("teacher", "model")
    agent = {"engine": {"kind": "writer", "teacher": "generator", "oversample": None}}
    ((code, message, help),) = said(tmp_path, agent=agent)
    assert (code, message) == (
        "E204",
        "the engine 'writer' needs a language model, and 'generator' is not one",
    )
    assert help.startswith("name a teacher of kind azure or openai or ")
    assert help.endswith(" or model")
    language = {"generator": {"kind": "model", "source": None}}
    assert said(tmp_path, teachers=language, agent=agent) == []


def test_a_procedural_engine_refuses_a_language_model(install: Install, tmp_path: Path) -> None:
    install("teacher", "model")
    assert said(tmp_path, teachers={"generator": {"kind": "model", "source": None}}) == [
        (
            "E204",
            "the engine 'procedural' needs a procedural teacher, and 'generator' is not one",
            "name a teacher of kind procedural",
        )
    ]


def test_a_declaration_of_what_an_option_takes_is_checked(install: Install) -> None:
    for keyword, value in (("x-refers", "student"), ("x-takes", "anything")):
        option = {**TEACHER["teacher"], keyword: value}
        with pytest.raises(ValueError, match=f"'{keyword}' cannot be"):
            install("engine", "odd", properties={"teacher": option}, required=["teacher"])


# --- what serves what -------------------------------------------------------------------------------------------------


def test_adapters_trainers_and_backends_say_what_they_serve(
    install: Install, tmp_path: Path
) -> None:
    install("adapter", "prefix", serves={"backend": ["vllm"], "trainer": ["dpo"]})
    install("trainer", "dpo", serves={"model": ["hub"]})
    install("backend", "remote", serves={"adapter": ["lora"]})
    train = {"adapter": {"kind": "prefix"}}
    messages = {
        message
        for _, message, _ in said(
            tmp_path, student={"train": train, "generate": {"backend": "remote"}}
        )
    }
    assert messages == {
        "the adapter 'prefix' does not serve the backend 'remote'",
        "the adapter 'prefix' does not serve the trainer 'sft'",
        "the backend 'remote' does not serve the adapter 'prefix'",
    }
    messages = {item[1] for item in said(tmp_path, student={"train": {**train, "method": "dpo"}})}
    assert messages == {
        "the adapter 'prefix' does not serve the backend 'transformers'",
        "the trainer 'dpo' does not serve the model 'scratch'",
    }


# --- limits -----------------------------------------------------------------------------------------------------------


def test_limits_are_about_measures_whoever_states_them(install: Install, tmp_path: Path) -> None:
    rank = {"type": "integer", "default": 700, "x-measure": "rank", "description": "Rank."}
    install("adapter", "wide", properties={"size": rank})
    student = {"train": {"adapter": {"kind": "wide"}}, "generate": {"backend": "vllm"}}
    assert ("E204", "vLLM cannot serve an adapter of rank 700", "lower 'r' to 512, or use the backend 'transformers'") in said(tmp_path, student=student)  # fmt: skip
    narrow = {
        "measure": "positions",
        "most": 100,
        "message": "{positions} tokens are too many",
        "help": "at most {most}",
    }
    install("backend", "narrow", limits=[narrow])
    assert said(tmp_path, student={"generate": {"backend": "narrow"}}) == [
        ("E204", "128 tokens are too many", "at most 100")
    ]


# --- sizes of groups --------------------------------------------------------------------------------------------------

SIZES = {
    "by": "task",
    "options": "of",
    "formulas": {
        "pairs": {"sequences": {"values": {"from": "low", "to": "high"}, "lengths": {"from": 2, "to": 2}}},
        "styles": {"product": [{"from": 1, "to": "high", "exponent": 2}, {"choices": "styles"}]},
        "sums": {"expressions": {"terms": {"from": 2, "to": 2}, "digits": {"from": 1, "to": "digits"}, "operators": 2, "negation": "signed"}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "options", "size"),
    [
        ("pairs", {"low": 1, "high": 10}, 100),
        ("pairs", {"low": 1}, None),
        ("pairs", {"low": 1, "high": "ten"}, None),
        ("pairs", {"low": 1, "high": 10**12}, None),
        ("styles", {"high": 5, "styles": ["a", "b"]}, 50),
        ("sums", {"digits": 1}, 200),
        ("sums", {"digits": 2}, 200 + 90**2 * 2),
        ("sums", {"digits": 1, "signed": True}, 800),
        ("sums", {"digits": 30}, None),
        ("other", {}, None),
    ],
)
def test_the_size_of_a_group_follows_from_a_declared_formula(
    task: str, options: dict[str, Any], size: int | None
) -> None:
    assert capacity(SIZES, {"task": task, "of": options}) == size


def test_reasoning_gym_declares_sizes_of_data_sets_it_has() -> None:
    declared = definition("source", "reasoning-gym")
    (sizes,) = declared.marked("x-sizes").values()
    group = declared.schema["properties"]["families"]["additionalProperties"]["properties"]
    assert set(sizes["formulas"]) <= set(group[sizes["by"]]["enum"])
    assert sizes["options"] in group


# --- what a check judges by -------------------------------------------------------------------------------------------


def test_a_check_that_needs_verifiers_refuses_a_source_without(
    install: Install, tmp_path: Path
) -> None:
    """A target that is compared with itself is always right: 53 of 53 planted wrong ones were accepted."""
    install("source", "plain", procedural=True)
    sources = {"problems": {"kind": "plain", "families": None}}
    kept = {
        role: {"draw": {"items": 5, "per_group": None}}
        for role in ("test", "selection", "feedback")
    }
    task = {"sources": sources, "score": {"kind": "exact-match"}, "splits": kept}
    model = {"pretrain": {"examples": {"sum": None, "all": 9}}}
    changed: dict[str, Any] = {"task": task, "student": {"model": model}}
    assert said(tmp_path, **changed) == [
        (
            "E204",
            "the check 'scorable' judges by verifiers, and the items of 'problems' carry none: "
            "it would compare each target with itself",
            "write 'scorable: {action: off}', or name a source whose items carry a verifier",
        )
    ]
    off = {"agent": {"checks": {"scorable": {"action": "off"}}}}
    assert said(tmp_path, **changed, **off) == []
    install("source", "plain", procedural=True, verifier=True)
    assert said(tmp_path, **changed) == []


# --- the values of a generator's options ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "config", "words"),
    [
        ("chain_sum", {"min_terms": 0}, "E106 'min_terms': must be at least 1, not 0"),
        ("chain_sum", {"min_terms": "two"}, "E103 'min_terms' must be a whole number, not 'two'"),
        ("chain_sum", {"min_terms": True}, "E103 'min_terms' must be a whole number, not true"),
        ("chain_sum", {"min_terms": 4, "max_terms": 3}, "E106 'min_terms' must be at most 'max_terms', which is 3"),
        ("chain_sum", {"max_terms": 1}, "E106 'max_terms' is 1, and 'min_terms', which is 2, must be at most that"),
        ("gcd", {"min_value": 1000}, "E106 'min_value' must be less than 'max_value', which is 1000"),
        ("countdown", {"operators": ["+", "%"]}, "E106 '%' is not allowed for 'operators'"),
        ("basic_arithmetic", {"whitespace": "many"}, "E106 'many' is not allowed for 'whitespace'"),
        ("shortest_path", {"p_blocked": 1.5}, "E106 'p_blocked': must be at most 1.0, not 1.5"),
        ("composite", {}, "E104 missing key 'datasets'"),
        ("gcd", {"min_values": 1, "max_values": 2}, "E102 'gcd' has no option 'min_values'; E102 'gcd' has no option 'max_values'"),
        ("composite", {"datasets": []}, "E106 'datasets': needs items, at least 1"),
        ("composite", {"datasets": [{"name": "gdc", "weight": 1, "config": {}}]}, "E106 there is no generator 'gdc'"),
        ("composite", {"datasets": [{"name": "gcd", "weight": 0, "config": {}}]}, "E106 'weight': must be more than 0, not 0"),
        ("composite", {"datasets": [{"name": "gcd", "weight": 1, "config": {"min_number": 2}}]}, "E102 'gcd' has no option 'min_number'"),
        ("composite", {"datasets": [{"name": "gcd", "weight": 1, "config": {"min_numbers": 1}}]}, "E106 'min_numbers': must be at least 2, not 1"),
        ("composite", {"datasets": 2 * [{"name": "gcd", "weight": 1, "config": {}}]}, "E106 'gcd' is listed twice"),
    ],
)  # fmt: skip
def test_a_value_that_a_generator_refuses_is_told_before_anything_runs(
    dataset: str, config: dict[str, Any], words: str, tmp_path: Path
) -> None:
    families = {"sum": None, "lcm": None, "other": {"dataset": dataset, "config": config}}
    model = {"pretrain": {"examples": {"sum": None, "other": 9}}}
    text = tiny(task={"sources": {"problems": {"families": families}}}, student={"model": model})
    found = [item for item in findings(tmp_path, text) if item.code != "E203"]
    assert "; ".join(f"{item.code} {item.message}" for item in found) == words
    assert found[0].span is not None


@pytest.mark.parametrize("check", sorted(definitions()["check"]))
def test_a_check_that_is_off_needs_nothing(check: str, tmp_path: Path) -> None:
    """Of a greedy student, of splits, or of what a source's items carry."""
    required = definitions()["check"][check].schema["required"]
    options = dict.fromkeys(required, "writer") | {"action": "off"}
    teachers = {"writer": {"kind": "openai", "model": "m"}}
    assert said(tmp_path, teachers=teachers, agent={"checks": {check: options}}) == []
