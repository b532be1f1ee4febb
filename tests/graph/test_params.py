"""Parameters of every stage kind: what is written is what is read, to the last byte of the key."""

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.keys import identity, stage_key
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.params import PlanParams
from tests.support.graphs import compiled, parameters
from tests.support.repositories import ROOT
from tests.support.specs import TINY


@pytest.fixture(scope="module")
def quickstart() -> Graph:
    return lower(front_end([ROOT / "specs" / "quickstart.yaml"], root=ROOT)).graph


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "gate"])
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
