"""What an agent may see of what became of its requests: the reasons of checks that read no split, where it asks for reasons, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.yields import MOST, Fates, with_reasons, yields
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.files import read_rows, read_table, write_json, write_rows
from dataenvgym_spec.records.plans import Plan, Yield
from dataenvgym_spec.records.splits import Kept, Reserve
from tests.support.golden import OBSERVE, Workshop, component, requests
from tests.support.graphs import compiled, findings
from tests.support.specs import tiny

CHECKS = [
    component("check", "overlap", action="reject", against=["test"]),
    component("check", "text-length", action="reject", min_input=2, max_input=9, min_target=1, max_target=9),
]  # fmt: skip
SECRET = "reserved"
"""A word of every reason of the check that reads splits."""


def example(name: str) -> Example:
    return Example(id=name, input=name, target="1", group="sum", cluster=name, skill="sum")


ROWS = [example(name) for name in ("good", "a", "b", "held", "fine", "far too long a question")]


def judged(
    folder: Path, observe: Any, held: tuple[str, ...], before: dict[str, Yield] | None = None
) -> Path:
    """The check stage on fixed candidates, of which a split holds some."""
    shop = Workshop(folder)
    for stage, port in (("plan", "plan"), ("generate", "candidates"), ("reserve", "hashes"), ("before", "yield")):  # fmt: skip
        shop.outs[stage] = folder / stage
        (folder / stage / port).mkdir(parents=True)
    plan = Plan(allocation={"sum": 9, "gcd": 2}, reasons={}, iteration=1, errors={})
    write_json(folder / "plan" / "plan" / "plan.json", plan)
    write_rows(folder / "generate" / "candidates" / "examples.jsonl", ROWS)
    reserve = Reserve(seed=0, roles={"test": Kept(items=tuple(sorted(held)))})
    write_json(folder / "reserve" / "hashes" / "reserve.json", reserve)
    reads = [("candidates", "generate", "candidates"), ("plan", "plan", "plan"), ("reserve", "reserve", "hashes")]  # fmt: skip
    if before is not None:
        plain = {name: given.plain() for name, given in before.items()}
        write_json(folder / "before" / "yield" / "yield.json", plain)
        reads.append(("yield", "before", "yield"))
    params = {"observe": observe, "checks": CHECKS, "score": component("scorer", "exact-match", after="")}  # fmt: skip
    return shop.run("check", "check", params, tuple(reads))


def test_reasons_are_told_where_they_are_observed_and_never_those_of_a_split(
    tmp_path: Path,
) -> None:
    out = judged(tmp_path, OBSERVE | {"yield": "reasons"}, ("held", "fine"))
    told = read_table(out / "yield" / "yield.json", Yield)
    assert told["sum"].reasons is not None and list(told["sum"].reasons) == ["text-length"]
    assert sorted(told["sum"].reasons["text-length"].values()) == [1, 2]
    assert (told["sum"].candidates, told["sum"].accepted) == (6, 1)
    assert (told["gcd"].candidates, told["gcd"].reasons) == (0, {})
    assert SECRET not in (out / "yield" / "yield.json").read_text(encoding="utf-8")
    hidden = [row["reason"] for row in read_rows(out / "rejected" / "examples.jsonl")]
    assert sum(SECRET in reason for reason in hidden) == 2


@pytest.mark.parametrize("observe", [OBSERVE, "nothing"])
def test_elsewhere_only_the_amounts_are_told(observe: Any, tmp_path: Path) -> None:
    out = judged(tmp_path, observe, ("held",))
    told = (out / "yield" / "yield.json").read_text(encoding="utf-8")
    assert read_table(out / "yield" / "yield.json", Yield)["sum"] == Yield(requested=9, accepted=2)
    assert "reasons" not in told and "candidates" not in told


def test_what_a_split_holds_changes_the_accepted_amount_and_nothing_else(tmp_path: Path) -> None:
    seen = OBSERVE | {"yield": "reasons"}
    one, other = (
        read_table(judged(tmp_path / name, seen, held) / "yield" / "yield.json", Yield)["sum"]
        for name, held in (("none", ()), ("some", ("good", "held")))
    )
    assert (one.candidates, one.reasons) == (other.candidates, other.reasons)
    assert (one.accepted, other.accepted) == (3, 1)


def test_a_refill_adds_to_what_was_told(tmp_path: Path) -> None:
    before = {"sum": Yield(requested=9, accepted=1, candidates=4, reasons={"text-length": {"odd": 3}, "scorable": {"x": 1}})}  # fmt: skip
    out = judged(tmp_path, OBSERVE | {"yield": "reasons"}, (), before)
    told = read_table(out / "yield" / "yield.json", Yield)["sum"]
    assert (told.accepted, told.candidates) == (4, 10)
    assert told.reasons is not None and told.reasons["scorable"] == {"x": 1}
    assert told.reasons["text-length"]["odd"] == 3 and len(told.reasons["text-length"]) == 3


def test_of_many_reasons_the_most_frequent_are_told() -> None:
    asked = requests(sum=9)
    rows = [Rejected.by(ROWS[0], "scorable", f"reason {n}") for n in range(9) for _ in range(n)]
    check = Component.parse("check", component("check", "scorable", action="reject"))
    fates = Fates()
    for row in rows:
        fates.reject(row)
    told = with_reasons(yields(asked, {}, {}), {}, fates, [check])["sum"].reasons
    assert told == {"scorable": {f"reason {n}": n for n in (8, 7, 6, 5, 4)}}
    assert len(told["scorable"]) == MOST


def test_it_is_said_in_observe_and_changes_the_keys_of_the_loop_alone(tmp_path: Path) -> None:
    usual, asking = (
        {(stage.kind, stage.id) for stage in compiled(tmp_path, text).stages}
        for text in (tiny(), tiny(agent={"observe": {"yield": "reasons"}}))
    )
    differ = {kind for kind, _ in asking - usual}
    assert differ >= {"plan", "generate", "check"} and not differ & {"data", "skills", "student", "reserve"}  # fmt: skip
    (found,) = findings(tmp_path, tiny(agent={"observe": {"yield": "reason"}}))
    assert found.code.startswith("E10")
