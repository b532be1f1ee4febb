"""What a stage draws where a split is all or the rest of a source, and what it leaves to earlier splits."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.drawing import HELD, Apart, draw
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import DataParams
from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.items import Item, in_lane, item_id
from tests.support.golden import Workshop, component

FIELDS = {"input": "q", "target": "a"}


def write(folder: Path, name: str, questions: list[str], **more: Any) -> Path:
    path = folder / f"{name}.jsonl"
    rows = [{"q": question, "a": "1", **more} for question in questions]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def questions(items: list[Item]) -> set[str]:
    return {item.input for item in items}


def test_all_is_everything_once_and_the_rest_is_everything_in_its_lane(tmp_path: Path) -> None:
    source = Jsonl(path=write(tmp_path, "a", [f"q{n}" for n in range(300)]), fields=FIELDS)
    everything = draw(source, "all", role="test", lane=(0.0, 1.0), seed=0)
    assert questions(everything) == questions(source.items) and len(everything) == 300
    rest = draw(source, "all", role="pool", lane=(0.15, 1.0), seed=0)
    assert questions(rest) == {
        item.input for item in source.items if in_lane(0, item.cluster, (0.15, 1.0))
    }
    assert rest == [item for item in everything if item in rest]
    with pytest.raises(StageError, match="only 0 distinct items"):
        draw(source, "all", role="pool", lane=(0.0, 1e-9), seed=0)


def drawn(folder: Path, name: str, **params: Any) -> set[str]:
    """The questions that a stage draws from the second of two files."""
    files = {f"sha256:{file}": folder / f"{file}.jsonl" for file in "ab"}
    score = component("scorer", "exact-match")
    made = {"score": score, "seed": 7, "draw": "all", "lane": [0.0, 1.0], "role": "pool", **params}
    out = Workshop(folder).run(name, "data", made, files=files)
    return questions(read_all(out / "pool" / "items.jsonl", Item))


def rows_of(name: str, **fields: str) -> dict[str, Any]:
    return component("source", "jsonl", path=f"sha256:{name}", fields={**FIELDS, **fields})


def test_what_two_files_hold_is_in_the_earlier_split_only(tmp_path: Path) -> None:
    """A training set that holds items of the test set, as published ones do, teaches none of them."""
    write(tmp_path, "a", [f"q{n}" for n in range(100)])
    write(tmp_path, "b", [*(f" Q{n}" for n in range(90, 100)), *(f"r{n}" for n in range(50))])
    own = {f"r{n}" for n in range(50)}
    apart = {"source": rows_of("b"), "apart": {"test": rows_of("a")}}
    whole = drawn(tmp_path, "whole", **apart, apart_lanes={"test": [0.0, 1.0]})
    assert whole == own
    half = (0.0, 0.5)
    part = drawn(tmp_path, "part", **apart, apart_lanes={"test": list(half)})
    others = [n for n in range(90, 100) if not in_lane(7, item_id(f"q{n}"), half)]
    assert 0 < len(others) < 10
    assert part == own | {f" Q{n}" for n in others}


def test_a_cluster_of_which_an_earlier_split_has_an_item_is_left_out_whole() -> None:
    class Source:
        procedural = False

        def groups(self) -> list[str]:
            return ["x"]

        def stream(self, group: str, seed: int) -> Any:
            for n in range(9):
                yield Item(id=str(n), input=f"q{n}", target="", group="x", cluster=f"c{n // 3}")

    apart = Apart(Source(), frozenset({"4"}))
    assert [item.id for item in apart.stream("x", 0)] == ["0", "1", "2", "6", "7", "8"]
    assert apart.skipped == {HELD: 3}


def test_parameters_are_read_back_with_the_sources_that_a_split_is_apart_from() -> None:
    plain = {
        "role": "pool",
        "source": rows_of("b"),
        "score": component("scorer", "exact-match"),
        "draw": "all",
        "lane": [0.0, 1.0],
        "seed": 0,
        "apart": {"test": rows_of("a")},
        "apart_lanes": {"test": [0.0, 1.0]},
    }
    params = DataParams.parse(plain)
    assert params.plain == plain
    assert isinstance((params.apart or {})["test"], Component)
    assert {name for name, _ in params.components()} == {"source", "score", "apart"}
