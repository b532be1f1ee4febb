"""Skills that are found, as plans and engines use them, in an arm that sees nothing of its student."""

import json
from collections import Counter
from pathlib import Path

import pytest

from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Plan, SkillMap
from tests.support.golden import Workshop, component, engine

BLIND = {"observe": "nothing", "seed": 7}


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """Feedback with skills of a file: two thirds of the sums are `hard`, the rest and gcd are `mixed`."""
    shop = Workshop(tmp_path)
    shop.data("feedback", show=0.25)
    rows = {}
    for port in ("shown", "hidden"):
        rows[port] = read_all(shop.outs["feedback"] / port / "items.jsonl", Item)
    sums = [item.id for item in rows["shown"] if item.group == "sum"]
    names = dict.fromkeys((item.id for item in rows["shown"]), "mixed")
    names |= dict.fromkeys(sums[1:], "hard")
    names |= {item.id: "mixed" for item in rows["hidden"][1:]}
    path = tmp_path / "skills.json"
    path.write_text(json.dumps({"items": names}), encoding="utf-8")
    files = {"sha256:x": path}
    found = {"discover": component("discovery", "file", path="sha256:x", fallback="unknown")}
    shown, hidden = (("items", "feedback", port) for port in ("shown", "hidden"))
    shop.run("found", "skills", found, (shown,), files=files)
    shop.run("skills", "assign", found, (("skills", "found", "skills"), shown, hidden), files=files)
    return shop


def test_skills_carry_the_groups_of_what_they_were_made_of(shop: Workshop) -> None:
    known = read(shop.outs["skills"] / "skills" / "skills.json", SkillMap)
    shown = read_all(shop.outs["feedback"] / "shown" / "items.jsonl", Item)
    counts: dict[str, Counter[str]] = {"hard": Counter(), "mixed": Counter()}
    for item in shown:
        counts[known.items[item.id]][item.group] += 1
    assert known.groups == counts
    assert {*counts["hard"]} == {"sum"} and {*counts["mixed"]} == {"gcd", "sum"}


def test_a_blind_arm_is_taught_found_skills_by_a_procedural_engine(shop: Workshop) -> None:
    params = {**BLIND, "policy": component("policy", "even"), "amount": 20}
    shop.run("plan", "plan", params, (("skills", "skills", "skills"),))
    plan = read(shop.outs["plan"] / "plan" / "plan.json", Plan)
    # The fallback of a hidden item is no skill, and gets nothing.
    assert plan.allocation == {"hard": 10, "mixed": 10} and not plan.errors
    generating = {**BLIND, "engine": engine(), "iteration": 1, "round": 0}
    out = shop.run("generate", "generate", generating, (("plan", "plan", "plan"),))
    rows = read_all(out / "candidates" / "examples.jsonl", Example)
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row.skill or "", set()).add(row.group)
    assert groups == {"hard": {"sum"}, "mixed": {"gcd", "sum"}}


def test_skills_of_the_pool_are_given_to_feedback_and_say_nothing_of_the_pool(
    shop: Workshop, tmp_path: Path
) -> None:
    shop.data("pool")
    files = {"sha256:x": tmp_path / "skills.json"}
    known = json.loads(files["sha256:x"].read_text(encoding="utf-8"))["items"]
    pool = read_all(shop.outs["pool"] / "pool" / "items.jsonl", Item)
    known |= {item.id: "mixed" for item in pool}
    del known[next(id for id, name in known.items() if name == "mixed")]
    files["sha256:x"].write_text(json.dumps({"items": known}), encoding="utf-8")
    found = {"discover": component("discovery", "file", path="sha256:x", fallback="unknown")}
    shop.run("of-pool", "skills", found, (("items", "pool", "pool"),), files=files)
    feedback = [("items", "feedback", port) for port in ("shown", "hidden")]
    reads = (("skills", "of-pool", "skills"), *feedback)
    out = shop.run("assigned", "assign", found, reads, files=files)
    skills = read(out / "skills" / "skills.json", SkillMap)
    assert skills.skills == ("hard", "mixed")
    assert not {*skills.items} & {item.id for item in pool}
    assert skills.groups is not None and {*skills.groups} == {"mixed"}
    # One shown and one hidden item are unknown: an error of the first is nobody's.
    rows = [row for _, stage, port in feedback for row in _items(shop, stage, port)]
    assert len(rows) - len(skills.items) == 2
    results = []
    for port in ("shown", "hidden"):
        shop.answers(f"wrong-{port}", "feedback", port)
        results.append(("results", f"wrong-{port}", port))
    params = {"observe": {"errors": 9, "scores": True, "yield": True}, "seed": 7, "amount": 20}
    params |= {"policy": component("policy", "even")}
    shop.run("planned", "plan", params, (*results, ("skills", "assigned", "skills")))
    plan = read(shop.outs["planned"] / "plan" / "plan.json", Plan)
    assert {*plan.errors} <= {"mixed", "hard"}
    named = {error.id for errors in plan.errors.values() for error in errors}
    assert named <= {*skills.items}


def _items(shop: Workshop, stage: str, port: str) -> list[Item]:
    return read_all(shop.outs[stage] / port / "items.jsonl", Item)


def test_a_hidden_item_without_a_skill_is_left_out_of_the_scores(shop: Workshop) -> None:
    results = []
    for port in ("shown", "hidden"):
        shop.answers(f"base-{port}", "feedback", port)
        results.append(("results", f"base-{port}", port))
    params = {"observe": {"errors": 1, "scores": True, "yield": True}, "seed": 7, "amount": 20}
    params |= {"policy": component("policy", "allocate", power=1.0, floor=0.2)}
    shop.run("plan", "plan", params, (*results, ("skills", "skills", "skills")))
    plan = read(shop.outs["plan"] / "plan" / "plan.json", Plan)
    assert plan.scores is not None and {*plan.scores} == {"mixed"}
    assert {*plan.allocation} == {"hard", "mixed"}
