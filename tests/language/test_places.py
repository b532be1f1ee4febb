"""Components wherever a spec has them: bare words, mappings, and components inside of components."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.language.places import PLACES
from dataenvgym_spec.language.reference import reference
from dataenvgym_spec.language.schema import experiment_schema
from dataenvgym_spec.language.spec import Experiment
from tests.support.components import Install
from tests.support.graphs import findings
from tests.support.specs import TEMPLATE, tiny

DEPTH = {"type": "integer", "minimum": 1, "default": 3, "description": "Levels."}
ENVIRONMENTS = [*definitions()["environment"]]
SANDBOX = {"description": "Where code runs.", "x-slot": "sandbox"}


def resolved(folder: Path, **sections: Any) -> Experiment:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    path = folder / "tiny.yaml"
    path.write_text(tiny(**sections), encoding="utf-8")
    (spec,) = front_end([path], root=folder)
    return spec.base


def test_every_slot_has_a_place_or_is_held_by_components() -> None:
    assert {place.slot for place in PLACES} | {"sandbox", "proposer", "painter"} == set(
        definitions()
    )


def test_a_component_without_options_stays_a_bare_word(tmp_path: Path) -> None:
    record = resolved(tmp_path)
    assert record.environment == "skill-list"
    assert (record.student.train.method, record.student.generate.backend) == ("sft", "transformers")
    kinds = {slot: options["kind"] for slot, _, options in record.components()}
    assert (kinds["environment"], kinds["trainer"], kinds["backend"]) == (
        "skill-list",
        "sft",
        "transformers",
    )


def test_one_with_options_is_a_mapping_with_defaults(install: Install, tmp_path: Path) -> None:
    install("environment", "tree", properties={"depth": DEPTH})
    served = {"agent": {"policy": {"kind": "even", "power": None, "floor": None}}}
    install("policy", "even")
    install("discovery", "found")
    served["skills"] = {"discover": {"kind": "found"}}
    for written in ("tree", {"kind": "tree"}, {"kind": "tree", "depth": 3}):
        record = resolved(tmp_path, environment=written, **served)
        assert record.environment == {"kind": "tree", "depth": 3}
        assert record.environment_kind == "tree"
    # Where one has options, those without may be written as mappings too, and are words all the same.
    assert resolved(tmp_path, environment={"kind": "skill-list"}).environment == "skill-list"


@pytest.mark.parametrize(
    ("written", "code", "help"),
    [
        ("tre", "E106", "did you mean 'tree'?"),
        ({"kind": "tre"}, "E105", "did you mean 'tree'?"),
        ({"kind": "tree", "dept": 1}, "E102", "did you mean 'depth'?"),
        ({"kind": "tree", "depth": 0}, "E106", "Levels."),
        (3, "E106", f"allowed here: {', '.join([*ENVIRONMENTS, 'tree'])}"),
    ],
)
def test_a_wrong_word_or_mapping_is_told_like_others(
    written: Any, code: str, help: str, install: Install, tmp_path: Path
) -> None:
    install("environment", "tree", properties={"depth": DEPTH})
    (finding,) = [
        item for item in findings(tmp_path, tiny(environment=written)) if item.code == code
    ]
    assert finding.help == help


def test_editors_offer_installed_words(install: Install) -> None:
    install("backend", "remote")
    offered = experiment_schema()["definitions"]["Generate"]["properties"]["backend"]
    words = offered["else"]
    assert words["enum"] == ["transformers", "vllm", "remote"]
    assert words["enumDescriptions"][-1] == "remote of a test."
    assert offered["default"] == "transformers"


def test_the_reference_has_words_and_mappings(install: Install) -> None:
    install("environment", "tree", properties={"depth": DEPTH})
    page = reference()
    words = " or ".join(f"`{kind}`" for kind in [*ENVIRONMENTS, "tree"])
    assert f"| `environment` | {words} or an [environment](#environment) |" in page
    backends = "`transformers` or `vllm` or a [backend](#backend)"
    assert f"| `student.generate.backend` | {backends} | `transformers` |" in page
    assert "#### environment `tree`" in page


def test_a_component_inside_of_a_component_is_one(install: Install, tmp_path: Path) -> None:
    seconds = {"type": "number", "default": 5, "description": "Time."}
    install("sandbox", "jail", properties={"seconds": seconds})
    runner = install("scorer", "runner", properties={"inside": SANDBOX}, required=["inside"])
    assert [(part.path, part.slot, part.by) for part in runner.parts] == [
        (("inside",), "sandbox", "value")
    ]
    record = resolved(tmp_path, task={"score": {"kind": "runner", "inside": {"kind": "jail"}}})
    assert record.task.score == {"kind": "runner", "inside": {"kind": "jail", "seconds": 5.0}}
    held = [item for item in record.components() if item[0] == "sandbox"]
    assert held == [
        ("sandbox", ("task", "score", "inside"), {"kind": "jail", "seconds": 5.0}),
    ]
    wrong = tiny(task={"score": {"kind": "runner", "inside": {"kind": "jial"}}})
    assert [(item.code, item.help) for item in findings(tmp_path, wrong)] == [
        ("E105", "did you mean 'jail'?")
    ]


def test_what_options_refer_to_is_declared_at_any_depth() -> None:
    (source,) = definition("model", "scratch").parts
    assert (source.path, source.slot, source.by) == (("pretrain", "source"), "source", "name")
    assert (source.takes, source.required) == ("procedural", True)
    assert definition("source", "jsonl").files == (("path",),)
    assert definition("model", "path").marked("x-file") == {("path",): "directory"}
