"""Stages read, judge and write very many examples one after the other: of each they hold a few bytes, or none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.gym.prompt import Prompts
from dataenvgym_spec.gym.students.models.tokenizer import train_tokenizer
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import Responses
from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.files import each, read_table, write_json, write_rows
from dataenvgym_spec.records.plans import Plan, Yield
from dataenvgym_spec.records.splits import Kept, Reserve
from dataenvgym_spec.records.stored import Stored
from dataenvgym_spec.results.taught.listed import Shelf
from tests.support.golden import OBSERVE, Workshop, component, engine
from tests.support.memory import each as bytes_each

FEW, MANY = 60, 460
FILE = "examples.jsonl"
Work = Callable[[int], Callable[[], object]]


def example(number: int) -> Example:
    text = " ".join(f"word{(number * step) % 997}" for step in range(1, 40))
    return Example(
        id=f"{number:016x}",
        input=f"{number} {text}",
        target=str(number),
        group="sum",
        cluster=f"{number:016x}",
        skill="sum",
        provenance=Provenance(iteration=1, request=number),
    )


def shop_with(folder: Path, amount: int) -> Workshop:
    """A plan for so many examples, the candidates, and what is reserved."""
    shop = Workshop(folder)
    for stage, port in (("plan", "plan"), ("made", "candidates"), ("reserve", "hashes")):
        shop.outs[stage] = folder / stage
        (folder / stage / port).mkdir(parents=True)
    plan = Plan(allocation={"sum": amount}, reasons={}, iteration=1, errors={})
    write_json(folder / "plan" / "plan" / "plan.json", plan)
    write_rows(folder / "made" / "candidates" / FILE, map(example, range(amount)))
    reserve = Reserve(seed=0, roles={"test": Kept(items=("0" * 16,))})
    write_json(folder / "reserve" / "hashes" / "reserve.json", reserve)
    return shop


def checking(folder: Path) -> Work:
    checks = [
        component("check", "duplicate", action="reject"),
        component("check", "overlap", action="reject", against=["test"]),
    ]
    params = {"observe": OBSERVE, "checks": checks, "score": component("scorer", "exact-match")}
    names = count()
    reads = (
        ("candidates", "made", "candidates"),
        ("plan", "plan", "plan"),
        ("reserve", "reserve", "hashes"),
    )

    def work(amount: int) -> Callable[[], object]:
        shop = shop_with(folder / str(next(names)), amount)
        return lambda: shop.run("check", "check", params, reads)

    return work


def generating(folder: Path) -> Work:
    params = {"observe": OBSERVE, "engine": engine(), "iteration": 1, "round": 0, "seed": 7}
    names = count()

    def work(amount: int) -> Callable[[], object]:
        shop = shop_with(folder / str(next(names)), amount // 2)
        return lambda: shop.run("made-now", "generate", params, (("plan", "plan", "plan"),))

    return work


def writing(folder: Path) -> Work:
    names = count()
    prompts = Prompts("{{ input }} =")

    def work(amount: int) -> Callable[[], object]:
        path = folder / f"{next(names)}.jsonl"
        write_rows(path, map(example, range(amount)))
        return lambda: write_examples(path.with_suffix(".out"), each(path, Example), prompts)

    return work


def choosing(folder: Path) -> Work:
    names = count()

    def work(amount: int) -> Callable[[], object]:
        path = folder / f"{next(names)}.jsonl"
        write_rows(path, map(example, range(amount)))

        def choose() -> None:
            shelf = Shelf([path])
            taken = shelf.taken(reversed(shelf.listed(0)))
            assert sum(1 for _ in taken) == amount

        return choose

    return work


def encoding(folder: Path) -> Work:
    names = count()
    tokenizer = train_tokenizer(["12 + 3 =15"], 120)

    def work(amount: int) -> Callable[[], object]:
        path = folder / f"{next(names)}.jsonl"
        asked = (TrainingExample(prompt="1" * 90, completion="3") for _ in range(amount))
        write_rows(path, asked)
        return lambda: Responses(Stored(path, TrainingExample), tokenizer, 128)[amount - 1]

    return work


@pytest.mark.parametrize(
    ("kind", "most"),
    # What tells an example from others is held where that is needed, and what is about to be
    # written; the example itself, two to five thousand bytes, is not.
    [(checking, 900), (generating, 400), (writing, 150), (choosing, 600), (encoding, 300)],
)
def test_another_example_takes_few_bytes_of_memory(
    kind: Callable[[Path], Work], most: int, tmp_path: Path
) -> None:
    assert bytes_each(kind(tmp_path), FEW, MANY) < most


def test_what_is_streamed_is_all_there(tmp_path: Path) -> None:
    checking(tmp_path)(MANY)()
    out = tmp_path / "0" / "check" / "out"
    kept = [row.id for row in each(out / "accepted" / FILE, Example)]
    assert kept == [example(number).id for number in range(1, MANY)]
    assert [row.id for row in each(out / "rejected" / FILE, Example)] == ["0" * 16]
    assert read_table(out / "yield" / "yield.json", Yield)["sum"].accepted == MANY - 1
