"""The engine that takes real items of the pool."""

from collections import Counter
from pathlib import Path

from dataenvgym_spec.gym.engines.from_pool import FromPool
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.files import read_rows
from dataenvgym_spec.records.items import Item
from tests.support.golden import (
    LANES,
    Workshop,
    assert_golden,
    component,
    families,
    items,
    requests,
)
from tests.support.repositories import call

POOL = "{from: problems, draw: {per_group: 40}}"
ENGINE = "agent.engine={kind: from-pool, oversample: 2}"


def taken(engine: FromPool, seed: int = 0, **amounts: int) -> list[str]:
    return [example.id for example in engine.generate(requests(**amounts), Tools(seed=seed))]


def test_the_engine_from_pool_makes_what_its_number_says() -> None:
    engine = FromPool(pool=items(), oversample=1.5)
    assert_golden("engine", "from-pool", {1: "d4aba12655d23626"}, taken(engine, sum=6, gcd=3))


def test_it_takes_each_item_once_and_of_the_skill_that_is_asked_for() -> None:
    pool = items()
    engine = FromPool(pool=pool, oversample=2)
    made = list(engine.generate(requests(sum=5, gcd=2), Tools(seed=1)))
    assert Counter(example.skill for example in made) == {"sum": 10, "gcd": 4}
    assert all(example.skill == example.group for example in made)
    assert len({example.id for example in made}) == len(made)
    known: dict[str, Item] = {item.id: item for item in pool}
    assert all(example.item() == known[example.id] for example in made)


def test_the_seed_draws_and_a_skill_that_runs_dry_gives_what_there_is() -> None:
    engine = FromPool(pool=items(), oversample=1)
    assert taken(engine, 1, sum=6) == taken(engine, 1, sum=6) != taken(engine, 2, sum=6)
    assert len(taken(engine, sum=1000)) == len([one for one in items() if one.group == "sum"])
    assert taken(engine, unknown=3) == []


def test_the_stages_of_an_arm_teach_items_of_the_pool_and_say_so(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.data("feedback", show=0.25)
    draw = {"draw": {"per_group": 12}, "lane": [0.3, 0.8], "seed": 3}
    score = component("scorer", "reasoning-gym")
    shop.run("pool", "data", {"role": "pool", "source": families(), "score": score, **draw})
    discover = {"discover": component("discovery", "gold")}
    shown = (("items", "feedback", "shown"), ("items", "feedback", "hidden"))
    shop.run("skills", "skills", discover, shown)
    shop.run(
        "reserve",
        "reserve",
        {"lanes": {"test": LANES["test"]}, "sources": {"test": families()}, "seed": 3},
    )
    policy = component("policy", "even")
    planned = {"observe": "nothing", "policy": policy, "amount": 10, "seed": 7}
    shop.run("plan", "plan", planned, (("skills", "skills", "skills"),))
    engine = component("engine", "from-pool", oversample=2.0)
    asked = {"observe": "nothing", "engine": engine, "iteration": 1, "round": 0, "seed": 7}
    shop.run("generate", "generate", asked, (("plan", "plan", "plan"), ("pool", "pool", "pool")))
    shop.check("check", "generate", ())
    accepted = read_rows(shop.outs["check"] / "accepted" / "examples.jsonl")
    pool = {row["id"] for row in read_rows(shop.outs["pool"] / "pool" / "items.jsonl")}
    assert len(accepted) == 10 and {row["id"] for row in accepted} <= pool
    assert {row["provenance"]["teacher"] for row in accepted} == {"from-pool"}


def test_a_spec_that_names_it_compiles_and_needs_a_pool(repo: Path) -> None:
    wanted = ("--set", ENGINE)
    said = call("dataenvgym", "validate", "tiny", *wanted, cwd=repo, ok=False).stderr
    assert "error[E204]: the engine 'from-pool' reads the pool, but 'task.splits' has none" in said
    call("dataenvgym", "validate", "tiny", *wanted, "--set", f"task.splits.pool={POOL}", cwd=repo)
