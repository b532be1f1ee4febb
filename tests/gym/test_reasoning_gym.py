"""Every data set of reasoning-gym gives items that splits can be drawn from, for work and memory that are bounded.

Work is counted, not timed: how many problems the library is asked to prepare and to make.
"""

from __future__ import annotations

import dataclasses
import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import jsonschema
import pytest
from reasoning_gym.factory import DATASETS

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.drawing import draw
from dataenvgym_spec.gym.tasks.drawing import PATIENCE, wanted
from dataenvgym_spec.gym.tasks.library import reasoning_gym
from dataenvgym_spec.gym.tasks.sources import reasoning_gym as source_module
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import BLOCKS, BY_NUMBERS, ReasoningGym
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.records.items import Item
from tests.support.sources import LANES

NAMES = definition("source", "reasoning-gym").schema["properties"]["families"][
    "additionalProperties"
]["properties"]["dataset"]["enum"]
(OPTIONS,) = definition("source", "reasoning-gym").marked("x-options").values()
PREPARED_BY_SIZE = ("acre", "gsm_symbolic", "list_functions", "word_ladder")
WITHOUT_NUMBERS = ("caesar_cipher", "syllogism", "family_relationships", "shortest_path", "ab")
QUICK = (*PREPARED_BY_SIZE, *WITHOUT_NUMBERS, "composite", "gcd")
LAST = BLOCKS[-1][1]
GB = 2**20
"""In the unit of `ru_maxrss`, which is KiB."""


def config(name: str) -> dict[str, Any]:
    if name == "composite":
        parts = [{"name": part, "weight": 1, "config": {}} for part in ("gcd", "acre")]
        return {"datasets": parts}
    return {}


def source(name: str, **options: Any) -> ReasoningGym:
    return ReasoningGym(families={"x": {"dataset": name, "config": {**config(name), **options}}})


@dataclass
class Work:
    """What the library was asked for."""

    prepared: int = 0
    made: int = 0
    sizes: list[int] = field(default_factory=list)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    done = Work()
    create, entries = reasoning_gym.create_dataset, source_module._entries

    def counted(name: str, *, size: int, **options: Any) -> Any:
        done.prepared += size
        done.sizes.append(size)
        return create(name, size=size, **options)

    def counted_entries(*arguments: Any) -> Iterator[Any]:
        for entry in entries(*arguments):
            done.made += 1
            yield entry

    monkeypatch.setattr(reasoning_gym, "create_dataset", counted)
    monkeypatch.setattr(source_module, "_entries", counted_entries)
    yield done


def check(name: str, count: int, work: Work) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    items = list(islice(source(name).stream("x", 7), count))
    assert work.made == count
    assert work.prepared <= 4 * max(count, BLOCKS[0][1])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GB
    for item in items:
        json_text(item.row())
    # What is different has an identity of its own, and is not all in one cluster.
    questions = {item.input for item in items}
    assert len({item.id for item in items}) == len(questions)
    most = max(Counter(item.cluster for item in items).values())
    assert most <= max(2, count // 3)
    assert items[:3] == list(islice(source(name).stream("x", 7), 3))


@pytest.mark.parametrize("name", QUICK)
def test_a_data_set_gives_items_for_bounded_work(name: str, work: Work) -> None:
    check(name, 70, work)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(QUICK)))
def test_every_data_set_gives_items_for_bounded_work(name: str, work: Work) -> None:
    check(name, 12, work)


@pytest.mark.parametrize("name", ["acre", "gsm_symbolic", *WITHOUT_NUMBERS])
def test_every_split_of_every_data_set_has_items(name: str, work: Work) -> None:
    amount = Draw(per_group=4)
    splits = [
        draw(source(name), amount, role=role, lane=(low, high), seed=0)
        for role, (low, high) in LANES.items()
    ]
    assert [len(items) for items in splits] == [4, 4, 4]
    assert work.prepared <= 4 * work.made + 400


@pytest.mark.parametrize("name", ["gcd", "gsm_symbolic", "list_functions", "count_bits"])
def test_a_stream_is_that_of_one_large_data_set(name: str) -> None:
    """The blocks are an economy: nothing of what was drawn before they were there has changed."""
    whole = reasoning_gym.create_dataset(name, seed=5, size=20_000)
    items = list(islice(source(name).stream("x", 5), 600))
    if name != "list_functions":  # it draws from the generator of the whole process
        assert [item.input for item in items] == [str(whole[n]["question"]) for n in range(600)]
    assert len({item.id for item in items}) > 300


def test_beyond_the_largest_block_a_stream_goes_on_with_another_seed(work: Work) -> None:
    items = list(islice(source("count_bits").stream("x", 5), LAST + 200))
    assert items[LAST : LAST + 100] != items[:100]
    assert max(work.sizes) == LAST
    assert len({item.id for item in items}) > LAST * 0.99


@pytest.mark.parametrize("name", sorted(BY_NUMBERS))
def test_problems_on_the_same_numbers_are_one_cluster(name: str) -> None:
    assert source_module.cluster(name, "1, 22 and 3") == source_module.cluster(name, "3 22 1")
    assert source_module.cluster(name, "no numbers") != source_module.cluster(name, "none at all")


def test_a_family_of_few_problems_says_which_amount_is_possible(work: Work) -> None:
    few = source("count_bits", min_n=1, max_n=50)
    with pytest.raises(
        StageError, match="only 4 distinct items for 'test', which asks for 9"
    ) as it:
        draw(few, Draw(per_group=9), role="test", lane=(0.0, 0.1), seed=0)
    assert it.value.help is not None and "draw at most 4 per group" in it.value.help
    assert work.made <= 5 * PATIENCE
    assert len(draw(few, Draw(per_group=4), role="test", lane=(0.0, 0.1), seed=0)) == 4
    with pytest.raises(StageError, match="group 'x' has only 0") as it:
        draw(
            source("count_bits", min_n=1, max_n=1),
            Draw(items=1),
            role="test",
            lane=(0.0, 0.1),
            seed=0,
        )
    assert it.value.help is not None and "leave out the groups without items" in it.value.help


def test_a_family_whose_problems_cannot_be_made_is_no_endless_loop() -> None:
    with pytest.raises(StageError, match="makes no problem of the family 'x'"):
        source("word_ladder", min_chain_length=40, max_chain_length=50).stream("x", 0)


def test_a_draw_from_a_tiny_share_does_not_fail_by_luck() -> None:
    def item(number: int) -> Item:
        return Item(id=str(number), input="", target="", group="x", cluster="")

    rare = (item(number) for number in range(200_000))
    found = wanted(rare, lambda item: int(item.id) % 40_000 == 39_999, 1 / 40_000)
    assert len(list(found)) == 5
    never = (item(number) for number in range(10**9))
    assert list(wanted(never, lambda _: False, 0.5)) == []


def test_the_options_of_every_data_set_are_declared() -> None:
    own = {"seed", "size"}  # which the source sets itself
    for name, (_, config) in DATASETS.items():
        fields = {field.name for field in dataclasses.fields(config)}
        assert sorted(OPTIONS["names"][name]) == sorted(fields - own), name
    assert OPTIONS["names"].keys() == DATASETS.keys()


@pytest.mark.parametrize("name", sorted(DATASETS.keys() - {"composite"}))
def test_what_is_declared_of_an_option_is_what_the_library_takes(name: str) -> None:
    """What the declaration refuses the library refuses, and it allows the bounds and the library's own values."""
    schemas, pairs = OPTIONS["names"][name], OPTIONS["ordered"].get(name, [])
    usual = DATASETS[name][1]()
    lowest = {
        option: schema["minimum"] for option, schema in schemas.items() if "minimum" in schema
    }
    wide = {option: 30 for option in lowest if "maximum" not in schemas[option]}
    for option, schema in schemas.items():
        value = getattr(usual, option)
        plain = list(value) if isinstance(value, tuple) else value
        jsonschema.Draft7Validator(schema).validate(plain)
        assert schema.get("default", value) == value
        beside = [{}, *({low: n, high: n + 1} for low, high, _ in pairs for n in (1, 3, 6, 9, 15))]
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in schema:
                beyond = schema[bound] + step
                assert not any(takes(name, {**more, option: beyond}) for more in beside), option
                at_bound = [_beside(option, schema[bound], pair) for pair in pairs]
                configs = [{option: schema[bound]}, *chain.from_iterable(at_bound)]
                configs += [{**lowest, option: schema[bound]}, {**wide, option: schema[bound]}]
                assert any(takes(name, config) for config in configs), (option, bound)
    for low, high, how in pairs:
        middle = max(schemas[low]["default"], schemas[high]["default"])
        wrong = {low: middle, high: middle - (how == "at most")}
        assert not takes(name, wrong), (low, high)


def _beside(option: str, value: Any, pair: tuple[str, str, str]) -> list[dict[str, Any]]:
    """An option at its bound, and one that is ordered with it where that fits."""
    low, high, _ = pair
    return [
        {option: value, (high if option == low else low): value + step}
        for step in (-1, 0, 1, 2)
        if option in (low, high)
    ]


def takes(name: str, config: dict[str, Any]) -> bool:
    try:
        made = DATASETS[name][1](**config)
        if hasattr(made, "validate"):  # one looks at its values as it is made
            made.validate()
    except (ValueError, TypeError, AssertionError):
        return False
    return True
