"""What stands for a split where generated examples must keep clear of it: its lane, its items, or their n-grams."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.gym.checks.near_overlap import NearOverlap
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_rows
from dataenvgym_spec.records.items import item_id
from dataenvgym_spec.records.splits import Reserve
from tests.support import teachers
from tests.support.golden import Workshop, assert_golden, bytes_of
from tests.support.graphs import compiled
from tests.support.specs import TINY, plain

ALL = ["test", "selection", "feedback"]


def spec(agent: dict[str, Any], test: dict[str, Any] | None = None) -> str:
    tree = plain(TINY)
    tree["teachers"]["writer"] = {"kind": "scripted"}
    tree["task"]["splits"]["pool"] = {"from": "problems", "draw": {"per_group": 40}}
    tree["task"]["splits"]["test"] |= test or {}
    tree["agent"] |= agent
    return yaml.safe_dump(tree)


def reserved(graph: Graph) -> Stage:
    (found,) = (stage for stage in graph.stages if stage.kind == "reserve")
    return found


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    teachers.install(monkeypatch)
    yield
    teachers.forget()


@pytest.mark.parametrize(
    ("agent", "lanes", "drawn", "ngrams"),
    [
        ({"checks": {"overlap": {}}}, ALL, [], None),
        (
            {"checks": {"overlap": {}}, "engine": {"kind": "llm", "teacher": "writer"}},
            [],
            ["feedback", "selection", "test"],
            None,
        ),
        (
            {"checks": {"overlap": {"against": ["test"]}}, "engine": {"kind": "from-pool"}},
            ["test"],
            [],
            None,
        ),
        (
            {"checks": {"overlap": {}, "near-overlap": {"against": ["test"]}}},
            ALL,
            ["test"],
            {"test": [8]},
        ),
        (
            {
                "checks": {
                    "overlap": {"against": ["selection"]},
                    "near-image": {"against": ["test"]},
                }
            },
            ["selection", "test"],
            ["test"],
            None,
        ),
    ],
    ids=["computed", "written", "of the pool", "computed, by n-grams", "computed, by looks"],
)
def test_drawn_items_stand_for_a_lane_where_it_does_not_tell(
    agent: dict[str, Any],
    lanes: list[str],
    drawn: list[str],
    ngrams: Any,
    tmp_path: Path,
) -> None:
    graph = compiled(tmp_path, spec(agent))
    stage = reserved(graph)
    assert set(stage.plain["lanes"]) == set(lanes) == set(stage.plain["sources"])
    roles = {one.id: one.plain["role"] for one in graph.stages if one.kind == "data"}
    assert sorted({roles[item.stage] for item in stage.inputs}) == drawn
    assert stage.plain.get("ngrams") == ngrams
    assert stage.plain.get("images") == (["test"] if "near-image" in agent["checks"] else None)
    ports = {item.port for item in stage.inputs}
    assert {"shown", "hidden"} <= ports or "feedback" not in drawn


def test_only_what_is_drawn_depends_on_how_much_is_drawn(tmp_path: Path) -> None:
    computed: dict[str, Any] = {"checks": {"overlap": {}}}
    written = computed | {"engine": {"kind": "llm", "teacher": "writer"}}
    larger = {"draw": {"per_group": 7}}
    for agent, moved in ((computed, False), (written, True)):
        one, other = (reserved(compiled(tmp_path, spec(agent, test))).id for test in (None, larger))
        assert (one != other) is moved


def test_a_model_that_repeats_an_item_of_a_procedural_split_is_rejected(tmp_path: Path) -> None:
    """Its example lies in no lane of the source: only the item itself tells."""
    shop = Workshop(tmp_path)
    shop.data("test")
    (row, *_) = read_rows(shop.outs["test"] / "test" / "items.jsonl")
    said, ngrams = row["input"], {"test": [5]}
    params = {"lanes": {}, "sources": {}, "seed": 3, "ngrams": ngrams}
    out = shop.run("reserve", "reserve", params, (("items", "test", "test"),))
    reserve = read(out / "hashes" / "reserve.json", Reserve)
    identity = item_id(said)
    example = Example(
        id=identity, input=said, target="1", group="sum", cluster=identity, skill="sum"
    )
    assert reserve.holder(example, ["test"]) == "test"
    other = Example(
        id="0" * 16, input=f"{said} Well?", target="1", group="sum", cluster="x", skill="sum"
    )
    assert reserve.holder(other, ["test"]) is None
    near = NearOverlap(against=["test"], threshold=0.7, ngram=5)
    sight = Sight(scorer=ExactMatch(), reserve=reserve)
    assert [bool(one) for one in near.objections([example, other], sight)] == [True, True]
    assert said not in (out / "hashes" / "reserve.json").read_text(encoding="utf-8")
    assert_golden("kind", "reserve", {2: "94d3e460b0a431ea"}, bytes_of(out))
