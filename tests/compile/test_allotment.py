"""How many items of a local file each split can have, known before anything runs."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.compile.allotment import allotment
from dataenvgym_spec.compile.compiler import front_end, lower, warnings
from dataenvgym_spec.core.remembered import Remembered
from dataenvgym_spec.execute.drawing import draw
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.graph.params import DataParams, ReserveParams
from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.records import formats, tables
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.columns import look
from dataenvgym_spec.resolve.holdings import Holding
from tests.support.commands import call
from tests.support.graphs import findings
from tests.support.repositories import new_repo
from tests.support.specs import TEMPLATE, plain, tiny

FIELDS = {"input": "q", "target": "a", "group": "g"}
LANES = {"test": (0.0, 0.1), "selection": (0.1, 0.15), "feedback": (0.15, 0.25)}


def rows(count: int, *, sheets: int = 10**9) -> list[dict[str, str]]:
    """Questions of two groups; those of one sheet are a cluster. Every fifth is there twice."""
    made = []
    for number in range(count):
        group = "sum" if number % 2 else "lcm"
        row = {"q": f"{number} + 1 =", "a": str(number + 1), "g": group, "c": str(number % sheets)}
        made += [row] * (2 if number % 5 == 0 else 1)
    return made


def spec(folder: Path, content: list[dict[str, str]], seed: int, **draws: Any) -> str:
    """The small spec with all splits from one file."""
    fields = FIELDS | ({"cluster": "c"} if draws.pop("clustered", False) else {})
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, content)), encoding="utf-8")
    source = {"kind": "jsonl", "path": "rows.jsonl", "fields": fields}
    whole = plain(tiny(task={"sources": {"rows": source}}, seeds={"splits": seed}))
    for role, amount in draws.items():
        whole["task"]["splits"][role] = {"from": "rows", "draw": amount}
    return yaml.safe_dump(whole, sort_keys=False)


def resolved(folder: Path, text: str) -> tuple[Resolved, ...]:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return front_end([path], root=folder)


def drawn(graph: Graph, folder: Path) -> dict[str, list[str]]:
    """What the stages of the splits draw."""
    items = {}
    for stage in graph.stages:
        params = stage.params
        if isinstance(params, DataParams):
            options = params.source.options
            source = Jsonl(path=folder / "rows.jsonl", fields=options["fields"])
            found = draw(
                source, params.draw, role=params.role, lane=params.lane, seed=params.seed
            )  # fmt: skip
            items[params.role] = [item.id for item in found]
    return items


AMOUNTS = {"test": {"items": 6}, "selection": {"items": 4}, "feedback": {"items": 6}}


@pytest.mark.parametrize("clustered", [False, True])
def test_what_is_counted_is_what_a_stage_finds(clustered: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows(200, sheets=30))), encoding="utf-8")
    fields = FIELDS | ({"cluster": "c"} if clustered else {})
    source = Jsonl(path=path, fields=fields)
    for seed in range(4):
        found = Holding(path, Remembered(tmp_path / "known")).within(fields, LANES, seed)
        assert found is not None
        for role, lane in LANES.items():
            every = draw(source, "all", role=role, lane=lane, seed=seed)
            counts = {
                group: sum(item.group == group for item in every) for group in source.groups()
            }
            assert found.counts[role] == counts


@pytest.mark.parametrize("clustered", [False, True])
def test_a_draw_from_a_small_share_fails_for_no_seed(clustered: bool, tmp_path: Path) -> None:
    """By most of these seeds some split has fewer items than it asks for, so that the draw failed."""
    content, by_own = rows(60, sheets=12), 0
    for seed in range(10):
        text = spec(tmp_path, content, seed, clustered=clustered, **AMOUNTS)
        specs = resolved(tmp_path, text)
        graph = lower(specs).graph
        splits = drawn(graph, tmp_path)
        assert {role: len(items) for role, items in splits.items()} == {
            "test": 6,
            "selection": 4,
            "feedback": 6,
        }
        assert len({item for items in splits.values() for item in items}) == 16
        odd = [item for item in warnings(specs, graph) if item.code == "W406"]
        found = allotment(specs[0].arms[0])
        own = found.seed == seed
        by_own += own
        assert own == (not odd) == (found.tried == 0)
        reserves = [stage.params for stage in graph.stages if stage.kind == "reserve"]
        assert {params.seed for params in reserves if isinstance(params, ReserveParams)} == {
            found.seed
        }
    assert by_own < 6


def test_an_amount_that_no_seed_gives_is_refused_with_what_each_split_can_have(
    tmp_path: Path,
) -> None:
    asked = {**AMOUNTS, "test": {"per_group": 6}, "selection": {"items": 2}}
    for seed in (1, 2):
        said = findings(tmp_path, spec(tmp_path, rows(40), seed, **asked))
        found = {item.message.split("'")[1]: item for item in said}
        message, (note,) = found["test"].message, found["test"].notes
        assert {item.code for item in said} == {"E202"}
        assert message.startswith("'test' asks for 6 items a group: its share of 'rows.jsonl' has ")
        assert "other seeds has enough for all" in message
        assert note.startswith(f"by the seed {seed} they can have: 'test' ")
        assert "'selection'" in note and "'feedback'" in note


def test_a_large_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows(18_000))), encoding="utf-8")
    os.utime(path, (10**9, 10**9))
    known = Remembered(tmp_path / "known")
    first = Holding(path, known).within(FIELDS, LANES, 3)
    table = look(path, known)
    assert table is not None
    for module in (tables, formats):
        monkeypatch.setattr(module, "lines_of", None)
    assert first is not None
    assert Holding(path, known).within(FIELDS, LANES, 3) == first
    assert look(path, known) == table


def test_validate_says_what_each_split_can_have(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo")
    text = spec(repo / "specs", rows(200), 0, **{**AMOUNTS, "test": {"per_group": 2}})
    (repo / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    said = call("dataenvgym", "validate", "specs/tiny.yaml", cwd=repo).stdout
    assert "of the items of 'specs/rows.jsonl' in its share, 'test' takes 2 of " in said
    assert " a group, 'selection' takes 4 of " in said
