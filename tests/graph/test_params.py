"""Parameters of every stage kind: what is written is what is read, to the last byte of the key."""

import json

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.keys import identity, stage_key
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.params import EvaluateParams, PlanParams
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.language.components import definition
from tests.support.graphs import compiled, parameters
from tests.support.repositories import ROOT
from tests.support.specs import TINY, tiny


@pytest.fixture(scope="module")
def quickstart() -> Graph:
    return lower(front_end([ROOT / "specs" / "quickstart.yaml"], root=ROOT)).graph


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("gate", "assign", "label")]
)
def test_parameters_are_read_as_they_were_written(kind: str, quickstart: Graph) -> None:
    stages = [stage for stage in quickstart.stages if stage.kind == kind]
    assert stages
    for stage in stages:
        parsed = Stage.parse({**identity(stage), "key": stage.id})
        assert type(stage.params) is KINDS[kind].params
        assert canonical(parsed.plain) == canonical(stage.plain)
        assert stage_key(parsed) == stage.id


def test_stages_of_a_loop_share_their_parameters(tmp_path) -> None:
    graph = compiled(tmp_path, TINY)
    plans = [stage.params for stage in graph.stages if stage.kind == "plan"]
    assert len({id(params) for params in plans}) < len(plans)
    assert plans[0].plain is plans[0].plain


def test_the_first_environment_enters_no_key(tmp_path) -> None:
    graph = compiled(tmp_path, TINY)
    plan = next(stage for stage in graph.stages if stage.kind == "plan")
    assert isinstance(plan.params, PlanParams)
    assert plan.params.environment is None and "environment" not in plan.plain


def test_whether_an_agent_is_blind_is_a_question_to_its_parameters() -> None:
    assert parameters("plan", {"observe": "nothing"}).blind
    assert not parameters("plan", {"observe": {"scores": True}}).blind
    assert not parameters("gate", {}).blind


def evaluations(folder, **generate):
    text = tiny(seeds={"run": [0, 1]}, student={"generate": generate})
    stages = compiled(folder, text).stages
    return [stage for stage in stages if stage.kind == "evaluate"]


def test_greedy_decoding_has_the_parameters_that_it_had_before_there_was_another(tmp_path) -> None:
    (plain,) = {canonical(stage.plain["generate"]) for stage in evaluations(tmp_path)}
    assert json.loads(plain) == {
        "backend": definition_word("transformers"),
        "batch_size": 64,
        "dtype": "float32",
        "max_new_tokens": 5,
        "temperature": 0,
    }
    spelled = {"temperature": 0.0, "top_p": 1, "samples": 1, "repeatable": True}
    for same in (spelled, {"temperature": 0}, {"top_p": 0.5}):
        stages = evaluations(tmp_path, **same)
        assert {canonical(stage.plain["generate"]) for stage in stages} == {plain}
        assert not any("seed" in stage.plain for stage in stages)


def test_a_draw_has_the_parameters_that_it_had_before_there_was_a_pool(tmp_path) -> None:
    """Nor are there others where the usual draws, shares and bounds are written out."""
    usual = {"wrong_gold": 0.02, "splits": {"test": {"share": 0.1}}}
    for task in ({}, usual):
        stages = compiled(tmp_path, tiny(task=task)).stages
        drawn = {stage.plain["role"]: stage.plain for stage in stages if stage.kind == "data"}
        common = {"role", "source", "score", "draw", "lane", "seed"}
        assert {role: set(params) - common for role, params in drawn.items()} == {
            "test": set(), "selection": set(), "feedback": {"show"},
        }  # fmt: skip
        assert drawn["test"]["draw"] == {"per_group": 6}
        assert [drawn[role]["lane"] for role in ("test", "selection", "feedback")] == [
            [0.0, 0.1], [0.1, 0.15], [0.15, 0.25],
        ]  # fmt: skip


def test_drawn_answers_have_the_seed_of_their_run(tmp_path) -> None:
    stages = evaluations(tmp_path, temperature=0.7, samples=4)
    assert {stage.plain["seed"] for stage in stages} == {0, 1}
    for stage in stages:
        assert {use.seed for use in stage.uses} == {stage.plain["seed"]}
        assert stage.plain["generate"]["samples"] == 4
        parsed = EvaluateParams.parse(stage.plain)
        assert parsed.plain == stage.plain


def test_who_gives_up_repeatability_is_promised_nothing(tmp_path) -> None:
    assert {promise(stage) for stage in evaluations(tmp_path)} == {"same-machine"}
    fast = evaluations(tmp_path, repeatable=False)
    assert {promise(stage) for stage in fast} == {"none"}
    assert {stage.plain["generate"]["repeatable"] for stage in fast} == {False}


def definition_word(kind: str):
    version = definition("backend", kind).version()
    return Component(slot="backend", kind=kind, version=version).word()


@pytest.mark.parametrize(
    ("kind", "path", "held"),
    [
        ("plan", ("policy", "power"), (1, "policy")),
        ("plan", ("amount",), None),
        ("evaluate", ("generate", "backend"), (2, "backend")),
        ("evaluate", ("generate", "dtype"), None),
        ("train", ("train", "adapter", "r"), (2, "adapter")),
        ("reserve", ("sources", "test", "path"), (2, "source")),
        ("data", ("apart", "test"), (2, "source")),
        ("check", ("checks", "overlap", "against"), (2, "check")),
        ("check", ("checks",), None),
    ],
)
def test_the_component_at_or_above_a_path_is_found(
    kind: str, path: tuple[str, ...], held: tuple[int, str] | None
) -> None:
    found = KINDS[kind].params.held(path)
    assert (None if found is None else (found.length, found.slot)) == held
