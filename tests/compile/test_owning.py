"""Splits that are all or the rest of a source, and the pool."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.graph.params import DataParams, ReserveParams, StudentParams
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.schema import experiment_schema
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import plain, tiny

ROWS = [{"q": f"{n} + {n} =", "a": str(n + n), "g": "sum" if n % 2 else "lcm"} for n in range(400)]
FIELDS = {"input": "q", "target": "a", "group": "g"}
FILES = {name: {"kind": "jsonl", "path": f"{name}.jsonl", "fields": FIELDS} for name in "ab"}


def spec(folder: Path, splits: Mapping[str, Any]) -> str:
    """The small spec with two files of items, and other splits."""
    for name in FILES:
        text = "\n".join(json.dumps({**row, "q": f"{name} {row['q']}"}) for row in ROWS)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    whole = plain(tiny(task={"sources": FILES}))
    whole["task"]["splits"] |= splits
    return yaml.safe_dump(whole, sort_keys=False)


def said(folder: Path, **splits: Any) -> list[tuple[str, str, str]]:
    found = findings(folder, spec(folder, splits))
    return [(item.code, item.message, item.help) for item in found]


def data(graph: Graph) -> dict[str, DataParams]:
    """The parameters of the splits, by role."""
    found = [stage.params for stage in graph.stages if isinstance(stage.params, DataParams)]
    return {params.role: params for params in found}


MATH = {
    "test": {"from": "a", "draw": "all"},
    "selection": {"from": "b", "draw": {"per_group": 4}},
    "feedback": {"from": "b", "draw": {"per_group": 8}},
    "pool": {"from": "b", "draw": "rest"},
}
"""The splits of the design's example: an official test set, and everything else out of the training set."""


def test_a_split_that_is_a_source_leaves_the_others_their_lanes(tmp_path: Path) -> None:
    graph = compiled(tmp_path, spec(tmp_path, MATH))
    splits = data(graph)
    assert {role: params.lane for role, params in splits.items()} == {
        "test": (0.0, 1.0),
        "selection": (0.0, 0.05),
        "feedback": (0.05, 0.15),
        "pool": (0.15, 1.0),
    }
    assert splits["test"].draw == splits["pool"].draw == "all"
    # Of what both files hold, the earlier split has it.
    assert {role: set(params.apart or ()) for role, params in splits.items()} == {
        "test": set(),
        "selection": {"test"},
        "feedback": {"test"},
        "pool": {"test"},
    }
    (reserve,) = (item.params for item in graph.stages if isinstance(item.params, ReserveParams))
    assert set(reserve.lanes) == {"test", "selection", "feedback"}
    (student,) = (item.params for item in graph.stages if isinstance(item.params, StudentParams))
    assert (student.lane, set(student.apart or ())) == ((0.15, 1.0), {"test"})


def test_the_rest_of_a_source_of_ones_own_is_all_of_it(tmp_path: Path) -> None:
    graph = compiled(tmp_path, spec(tmp_path, {"test": {"from": "a", "draw": "rest"}}))
    other = compiled(tmp_path, spec(tmp_path, {"test": {"from": "a", "draw": "all"}}))
    assert keys(graph) == keys(other)


def test_a_pool_is_part_of_no_other_key(tmp_path: Path) -> None:
    without = keys(compiled(tmp_path, spec(tmp_path, {})))
    pool = {"pool": {"from": "problems", "draw": {"items": 9}}}
    graph = compiled(tmp_path, spec(tmp_path, pool))
    added = [stage for stage in graph.stages if stage.id not in without]
    # The base student learns of no item of the pool, so it is made anew; the other splits are not.
    assert [stage.params.role for stage in added if isinstance(stage.params, DataParams)] == [
        "pool"
    ]
    assert data(graph)["pool"].lane == (0.25, 0.45)


def test_which_split_comes_first_does_not_depend_on_the_spec(tmp_path: Path) -> None:
    """A pool that is a whole file leaves the test split as it is, and gives way to it."""
    before = data(compiled(tmp_path, spec(tmp_path, {"test": {"from": "b", "draw": {"items": 9}}})))
    whole = {
        "test": {"from": "b", "draw": {"items": 9}},
        "pool": {"from": "a", "draw": "all"},
    }
    after = data(compiled(tmp_path, spec(tmp_path, whole)))
    assert after["test"] == before["test"]
    assert set(after["pool"].apart or ()) == {"test", "selection", "feedback"}
    assert (after["pool"].apart_lanes or {})["test"] == (0.0, 0.1)


@pytest.mark.parametrize(
    ("splits", "code", "message", "help"),
    [
        (
            {"test": {"from": "problems", "draw": "all"}},
            "E202",
            "'test' draws all of its source, but 'problems' makes items without end",
            "draw a number of items",
        ),
        (
            {
                "test": {"from": "a", "draw": "all"},
                "selection": {"from": "a", "draw": {"items": 4}},
            },
            "E202",
            "'test' is all of 'a', so that nothing is left for 'selection'",
            "let 'test' draw a number of items",
        ),
        (
            {
                "test": {"from": "a", "draw": "rest"},
                "selection": {"from": "a", "draw": {"items": 4}},
                "feedback": {"from": "b", "draw": {"items": 4}},
                "pool": {"from": "b", "draw": "rest"},
            },
            "E202",
            "'test' and 'pool' cannot both draw the rest",
            "draw a number of items in one of them",
        ),
        (
            {"test": {"from": "a", "draw": "all", "share": 0.4}},
            "E204",
            "'test' draws all of its source, so 'share' has no meaning",
            "remove 'share'",
        ),
        (
            {"pool": {"from": "a", "draw": {"items": 9}, "share": 0.8}},
            "E202",
            "the splits own 1.05 of the hash space",
            "sum to at most 0.95",
        ),
        (
            {"pool": {"from": "a", "draw": {"items": 399}}},
            "E202",
            "'pool' asks for 399 items: of the 400 of 'a.jsonl', a share of 0.20 is about 80",
            "raise 'share' of 'pool'",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_runs(
    splits: dict[str, Any], code: str, message: str, help: str, tmp_path: Path
) -> None:
    (found,) = said(tmp_path, **splits)
    assert found[:2] == (code, message)
    assert help in found[2]


@pytest.mark.parametrize("draw", ["most", {"per_group": 2, "items": 3}, {}, 7])
def test_a_draw_of_another_form_is_refused(draw: Any, tmp_path: Path) -> None:
    (found,) = said(tmp_path, selection={"from": "b", "draw": draw})
    assert found[0] in {"E103", "E104", "E106", "E101", "E102"}


def test_a_pool_is_no_other_split(tmp_path: Path) -> None:
    assert {code for code, _, _ in said(tmp_path, pool={"same_as": "test"})} & {"E102", "E101"}
    assert said(tmp_path, selection={"same_as": "pool"})


def test_a_component_that_reads_the_pool_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dipping = replace(definitions()["policy"]["allocate"], kind="dipping", reads="pool")
    monkeypatch.setitem(definitions()["policy"], "dipping", dipping)
    experiment_schema.cache_clear()
    try:
        text = spec(tmp_path, {}).replace("kind: allocate", "kind: dipping")
        (found,) = findings(tmp_path, text)
        assert (found.code, found.message) == (
            "E204",
            "the policy 'dipping' reads the pool, but 'task.splits' has none",
        )
        whole = spec(tmp_path, MATH).replace("kind: allocate", "kind: dipping")
        graph = compiled(tmp_path, whole)
        reads = {
            (stage.kind, item.slot)
            for stage in graph.stages
            for item in stage.inputs
            if item.port == "pool"
        }
        assert reads == {("plan", "pool")}
    finally:
        experiment_schema.cache_clear()


SAME = {"same_as": "feedback"}


def test_two_files_that_are_not_here_are_not_the_same_rows(tmp_path: Path) -> None:
    splits = {
        **MATH,
        "selection": {"same_as": "feedback"},
        "feedback": {"from": "b", "draw": "all"},
    }
    text = spec(tmp_path, {**splits, "pool": None})
    for name in FILES:
        (tmp_path / f"{name}.jsonl").unlink()
    codes = {item.code for item in findings(tmp_path, text)}
    assert "E203" in codes and "E202" not in codes
