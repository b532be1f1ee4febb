"""Splits: disjoint by item and by cluster, and growing one moves no item of another."""

import json
import random
import re
from collections.abc import Callable
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.drawing import draw as draw_split
from dataenvgym_spec.execute.stages.data import _ports
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import DataParams
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.items import Item, in_lane, item_id
from tests.support.golden import defaults
from tests.support.graphs import compiled
from tests.support.repositories import ROOT
from tests.support.sources import FAMILIES, LANES
from tests.support.specs import TINY

GSM8K = ROOT.parent / "shared" / "data" / "gsm8k-train.jsonl"


def draw(source, *, role, lane, seed, **amount):
    return draw_split(source, Draw(**amount), role=role, lane=lane, seed=seed)


class Listed:
    """A finite source of numbered questions in clusters of three."""

    procedural = False

    def __init__(self, count: int) -> None:
        self.items = [
            Item(
                id=item_id(f"q{n}"),
                input=f"q{n}",
                target=str(n),
                group=f"g{n % 2}",
                cluster=f"c{n // 3}",
            )
            for n in range(count)
        ]

    def groups(self) -> list[str]:
        return ["g0", "g1"]

    def stream(self, group: str, seed: int):
        return (item for item in self.items if item.group == group)


class Made:
    """A procedural source: questions without end that repeat, in clusters of four, some of them in both groups."""

    procedural = True

    def groups(self) -> list[str]:
        return ["g0", "g1"]

    def stream(self, group: str, seed: int):
        rng = random.Random(seed)
        while True:
            n = rng.randrange(0, 6000) if group == "g0" else rng.randrange(5000, 11000)
            yield Item(
                id=item_id(f"q{n}"), input=f"q{n}", target=str(n), group=group, cluster=f"c{n // 4}"
            )


SOURCES = {"finite": Listed(3000), "procedural": Made()}
CASES = {
    "name": st.sampled_from(sorted(SOURCES)),
    "seed": st.integers(0, 2**20),
    "how": st.sampled_from(["per_group", "items"]),
    "sizes": st.lists(st.integers(1, 12), min_size=3, max_size=3),
}


def drawn(name: str, seed: int, how: str, sizes: list[int]) -> dict[str, list[Item]]:
    """All splits of a source, of some sizes."""
    return {
        role: draw(SOURCES[name], role=role, lane=LANES[role], seed=seed, **{how: size})
        for role, size in zip(LANES, sizes, strict=True)
    }


@settings(max_examples=30, deadline=None)
@given(**CASES)
def test_splits_are_disjoint_by_item_and_by_cluster(
    name: str, seed: int, how: str, sizes: list[int]
) -> None:
    splits = drawn(name, seed, how, sizes)
    for of in (lambda item: item.id, lambda item: item.cluster):
        held = [{of(item) for item in items} for items in splits.values()]
        assert sum(map(len, held)) == len(set().union(*held))
    assert [len(items) for items in splits.values()] == [
        size * (2 if how == "per_group" else 1) for size in sizes
    ]


@settings(max_examples=30, deadline=None)
@given(**CASES, role=st.sampled_from(list(LANES)), more=st.integers(1, 8))
def test_growing_a_split_moves_no_item_of_another(
    name: str, seed: int, how: str, sizes: list[int], role: str, more: int
) -> None:
    before = drawn(name, seed, how, sizes)
    after = drawn(
        name,
        seed,
        how,
        [size + more * (other == role) for other, size in zip(LANES, sizes, strict=True)],
    )
    assert {other: items for other, items in after.items() if other != role} == {
        other: items for other, items in before.items() if other != role
    }
    kept = {item.id for item in after[role]}
    assert {item.id for item in before[role]} <= kept
    others = {item.cluster for other, items in after.items() if other != role for item in items}
    assert not others & {item.cluster for item in after[role]}


@settings(max_examples=30, deadline=None)
@given(name=CASES["name"], seed=CASES["seed"], size=st.integers(2, 14), show=st.floats(0.05, 0.95))
def test_the_shown_and_the_hidden_part_are_disjoint_by_item_and_by_cluster(
    name: str, seed: int, size: int, show: float
) -> None:
    items = draw(SOURCES[name], role="feedback", lane=LANES["feedback"], seed=seed, per_group=size)
    parts = _ports(
        DataParams(
            role="feedback", show=show, seed=seed, parts="by-cluster", draw=Draw(items=1),
            lane=(0.0, 1.0), source=Component(slot="source", kind="none", version=1),
            score=Component(slot="scorer", kind="none", version=1),
        ),
        items,
    )  # fmt: skip
    for of in (lambda item: item.id, lambda item: item.cluster):
        shown, hidden = ({of(item) for item in parts[part]} for part in ("shown", "hidden"))
        assert not shown & hidden
    assert {item.id for part in parts.values() for item in part} == {item.id for item in items}
    assert len(parts["shown"]) >= show * size


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        (
            "{kind: jsonl, path: items.jsonl, fields: {input: q, target: a, group: g, cluster: c}}",
            "by-cluster",
        ),
        ("{kind: jsonl, path: items.jsonl, fields: {input: q, target: a, group: g}}", None),
        (
            "{kind: reasoning-gym, families: {sum: {dataset: gcd}, lcm: {dataset: gcd, config: {max_value: 99}}}}",
            "by-cluster",
        ),
        ("{kind: reasoning-gym, families: {sum: {dataset: gcd}, lcm: {dataset: lcm}}}", None),
    ],
)
def test_parts_are_told_apart_over_groups_where_clusters_may_span_them(
    source: str, parts: str | None, tmp_path: Path
) -> None:
    (tmp_path / "items.jsonl").write_text(
        "\n".join(f'{{"q": {n}, "a": 2, "g": "sum", "c": {n}}}' for n in range(2000)),
        encoding="utf-8",
    )
    text = TINY.replace("  score:", f"    other: {source}\n  score:", 1).replace(
        "feedback: {from: problems", "feedback: {from: other"
    )
    (feedback,) = (
        stage for stage in compiled(tmp_path, text).stages if stage.plain.get("role") == "feedback"
    )
    assert feedback.plain.get("parts") == parts


@settings(max_examples=25, deadline=None)
@given(
    seed=CASES["seed"],
    shares=st.lists(st.floats(0.01, 0.3), min_size=3, max_size=3),
    cluster=st.text(max_size=5),
)
def test_a_cluster_is_in_the_lane_of_one_role_at_most(
    seed: int, shares: list[float], cluster: str
) -> None:
    lows = [round(sum(shares[:index]), 9) for index in range(4)]
    assert sum(in_lane(seed, cluster, [low, high]) for low, high in pairwise(lows)) <= 1


def test_splits_of_a_procedural_source() -> None:
    source = ReasoningGym(families=FAMILIES)
    splits = {
        role: draw(source, role=role, lane=lane, seed=3, per_group=15)
        for role, lane in LANES.items()
    }
    ids = [item.id for items in splits.values() for item in items]
    assert len(ids) == len(set(ids)) == 90
    grown = draw(source, role="feedback", lane=LANES["feedback"], seed=3, per_group=25)
    for group in FAMILIES:
        old = [item for item in splits["feedback"] if item.group == group]
        assert [item for item in grown if item.group == group][:15] == old
    assert draw(source, role="test", lane=LANES["test"], seed=3, per_group=15) == splits["test"]
    assert draw(source, role="test", lane=LANES["test"], seed=4, per_group=15) != splits["test"]


def test_items_without_groups_are_shared_out() -> None:
    assert len(draw(Listed(600), role="test", lane=LANES["test"], seed=0, items=11)) == 11
    assert (
        len(
            draw(ReasoningGym(families=FAMILIES), role="test", lane=LANES["test"], seed=0, items=11)
        )
        == 11
    )


def test_a_split_larger_than_its_source_says_what_to_do() -> None:
    small = {
        "digits": {
            "dataset": "products",
            "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1},
        }
    }
    with pytest.raises(
        StageError, match=r"group 'digits' has only .* distinct items for 'test', which asks for 50"
    ) as caught:
        draw(ReasoningGym(families=small), role="test", lane=LANES["test"], seed=0, per_group=50)
    possible = re.search(r"draw at most (\d+) per group", caught.value.help)
    assert possible is not None
    most = int(possible[1])
    source = ReasoningGym(families=small)
    drawn = draw(source, role="test", lane=LANES["test"], seed=0, per_group=most)
    assert len(drawn) == most


def test_the_data_sets_a_spec_may_name_are_those_of_the_installed_library() -> None:
    """The list is in the schema, so that a spec is told and completed without the library; another release may have another."""
    from importlib.metadata import version

    from reasoning_gym.factory import DATASETS

    listed = definition("source", "reasoning-gym").schema["properties"]["families"][
        "additionalProperties"
    ]["properties"]["dataset"]
    assert listed["enum"] == sorted(DATASETS)
    assert listed["x-list"] == f"the data sets of reasoning-gym {version('reasoning-gym')}"


def test_a_family_that_reasoning_gym_does_not_know() -> None:
    with pytest.raises(StageError, match="refuses the family 'x'"):
        ReasoningGym(families={"x": {"dataset": "nothing_of_the_sort"}}).stream("x", 0)
    with pytest.raises(StageError, match="refuses the family 'x'"):
        ReasoningGym(families={"x": {"dataset": "gcd", "config": {"no_such": 1}}}).stream("x", 0)


def test_lanes_own_their_share_of_the_hash_space() -> None:
    clusters = [f"c{n}" for n in range(5000)]
    for lane in LANES.values():
        share = sum(in_lane(0, cluster, lane) for cluster in clusters) / 5000
        assert abs(share - (lane[1] - lane[0])) < 0.015


def test_the_teachers_items_are_made_anew_and_scored_right() -> None:
    from dataenvgym_spec.gym.tasks.scorers.reasoning_gym import ReasoningGymScore

    scorer = ReasoningGymScore()
    for group in FAMILIES:
        for item in islice(ReasoningGym(families=FAMILIES).stream(group, 5), 20):
            assert json.loads(json.dumps(item.row())) == item.row()
            texts = (item.target, "x", "  ")
            right, wrong, blank = scorer.score([(item, Answer(text=text)) for text in texts])
            assert right.correct
            assert not wrong.correct
            assert not blank.parsed


def test_rows_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"q": "1+1?", "a": "2", "s": "x"}\n{"q": " 1+1? ", "a": "2", "s": "x"}\n{"q": "2+2?", "a": "4", "s": "y"}\n',
        encoding="utf-8",
    )
    source = Jsonl(path=path, fields={"input": "q", "target": "a", "group": "s"})
    assert source.groups() == ["x", "y"]
    assert len(source.items) == 2
    with pytest.raises(StageError, match="no column 'b'"):
        Jsonl(path=path, fields={"input": "q", "target": "b"})
    path.write_text("{broken\n", encoding="utf-8")
    with pytest.raises(StageError, match="line 1 is no JSON"):
        Jsonl(path=path, fields={"input": "q", "target": "a"})


@pytest.mark.skipif(
    not GSM8K.is_file(), reason="the public data folder is not beside this checkout"
)
def test_real_data_is_split_and_scored() -> None:
    from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
    from dataenvgym_spec.gym.tasks.scorers.math_verify import MathVerify

    source = Jsonl(path=GSM8K, fields={"input": "question", "target": "answer"})
    splits = [draw(source, role=role, lane=lane, seed=0, items=60) for role, lane in LANES.items()]
    assert len({item.id for items in splits for item in items}) == 180
    item = splits[0][0]
    final = item.target.rpartition("####")[2].strip()
    texts = (f"so #### {final}", f"so {final}")
    right, none = ExactMatch(after="####").score([(item, Answer(text=text)) for text in texts])
    assert right.correct
    assert not none.parsed
    boxed = Item(**{**item.row(), "target": rf"\boxed{{{final}}}"})
    texts = (rf"It is \boxed{{{final}}}.", r"It is \boxed{-77}.")
    right, wrong = MathVerify(**defaults("scorer", "math-verify")).score(
        [(boxed, Answer(text=text)) for text in texts]
    )
    assert right.correct
    assert not wrong.correct


def _at(
    folder: str, real: Callable[..., object], _id: str, *more: object, **named: object
) -> object:
    return real(folder, *more, **named)


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library reads a folder where there is no network to the hub."""
    import datasets

    for name in ("load_dataset", "get_dataset_config_names"):
        real = getattr(datasets, name)
        monkeypatch.setattr(datasets, name, partial(_at, str(tmp_path), real))


@pytest.mark.usefixtures("local_hub")
def test_a_data_set_of_the_hub_is_read_through_its_library(tmp_path: Path) -> None:
    from datasets import Dataset

    from dataenvgym_spec.gym.tasks.sources.hub import HubDataset

    rows = {"problem": ["1+1", "2+2", "3+3"], "solution": ["2", "4", "6"], "level": ["a", "b", "a"]}
    (tmp_path / "data").mkdir()
    Dataset.from_dict(rows).to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    fields = {"input": "problem", "target": "solution", "group": "level"}
    source = HubDataset(id="a/b", revision="0" * 40, configs="all", split="train", fields=fields)
    assert source.groups() == ["a", "b"]
    assert [item.target for item in source.stream("a", 0)] == ["2", "6"]


@pytest.mark.usefixtures("local_hub")
def test_chats_and_answers_in_two_configurations_of_a_data_set(tmp_path: Path) -> None:
    """As the library gives them: a list of messages, and nested columns of another configuration."""
    from datasets import Dataset

    from dataenvgym_spec.gym.tasks.sources.hub import HubDataset

    def said(*turns: str) -> list[dict[str, str]]:
        roles = ["system", "user", "assistant"][-len(turns) :]
        return [{"role": who, "content": text} for who, text in zip(roles, turns, strict=True)]

    chats = {"messages": [said("Add.", "1, 1", "2"), said("2 + 2", "4"), said("?", "no")]}
    asked = {"id": [7, 8], "q": ["1 + 1", "2 + 2"]}
    solved = {"key": ["8", "7"], "solution": [{"text": "4"}, {"text": "2"}]}
    header = ["---", "configs:"]
    for name, rows in {"chats": chats, "asked": asked, "solved": solved}.items():
        Dataset.from_dict(rows).to_parquet(tmp_path / f"{name}.parquet")
        header += [f"- config_name: {name}", f"  data_files: {name}.parquet"]
    (tmp_path / "README.md").write_text("\n".join([*header, "---", ""]), encoding="utf-8")

    def source(config: str, **options: Any) -> HubDataset:
        return HubDataset(id="a/b", revision="0" * 40, configs=config, split="train", **options)

    items = source("chats", layout="messages").items
    assert [(len(item.before), item.input, item.target) for item in items] == [
        (1, "1, 1", "2"),
        (0, "2 + 2", "4"),
        (0, "?", "no"),
    ]
    join = {"source": source("solved"), "on": "id", "equals": "key"}
    fields = {"input": "q", "target": "join.solution.text"}
    assert [item.target for item in source("asked", fields=fields, join=join).items] == ["2", "4"]


@pytest.mark.usefixtures("local_hub")
def test_one_configuration_of_a_data_set_or_several_or_all(tmp_path: Path) -> None:
    from datasets import Dataset

    from dataenvgym_spec.gym.tasks.sources.hub import HubDataset

    header = ["---", "configs:"]
    for name in ("algebra", "geometry", "all-else"):
        rows = {"q": [f"{name} {n}" for n in range(2)], "a": ["1", "2"]}
        Dataset.from_dict(rows).to_parquet(tmp_path / f"{name}.parquet")
        header += [f"- config_name: {name}", f"  data_files: {name}.parquet"]
    (tmp_path / "README.md").write_text("\n".join([*header, "---", ""]), encoding="utf-8")

    def inputs(configs: str | list[str]) -> set[str]:
        source = HubDataset(
            id="a/b",
            revision="0" * 40,
            configs=configs,
            split="train",
            fields={"input": "q", "target": "a"},
        )
        return {item.input.rpartition(" ")[0] for item in source.items}

    assert inputs("algebra") == {"algebra"}
    assert inputs(["algebra", "geometry"]) == {"algebra", "geometry"}
    assert inputs("all") == {"algebra", "geometry", "all-else"}
    with pytest.raises(StageError, match="cannot be loaded"):
        inputs("physics")
