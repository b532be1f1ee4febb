"""Planted cases: each check rejects what it is for, and an engine that corrupts is found out."""

import json
import re
from itertools import islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.stages.data import draw
from dataenvgym_spec.execute.stages.reserve import reserve
from dataenvgym_spec.graph.params import ReserveParams
from dataenvgym_spec.gym.checks.duplicate import Duplicate
from dataenvgym_spec.gym.checks.judge import Judged, Verdict, judge, parted
from dataenvgym_spec.gym.checks.known import Known
from dataenvgym_spec.gym.checks.overlap import Overlap
from dataenvgym_spec.gym.checks.protocol import Sight, answers_of
from dataenvgym_spec.gym.checks.scorable import Scorable
from dataenvgym_spec.gym.engines.procedural import ProceduralEngine
from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.gym.policies.allocate import Allocate, share_out
from dataenvgym_spec.gym.tasks.scorers.reasoning_gym import ReasoningGymScore
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher as Teacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request, Yield
from dataenvgym_spec.records.splits import Kept, Reserve
from dataenvgym_spec.results.experiment import load
from tests.support.golden import defaults
from tests.support.graphs import compiled
from tests.support.repositories import call, new_repo
from tests.support.sources import FAMILIES, LANES
from tests.support.specs import TINY


def judged(name: str, check: object, action: str = "reject") -> Judged:
    return Judged(name=name, action=action, reads=definition("check", name).reads, check=check)


CHECKS = [
    judged("scorable", Scorable()),
    judged("duplicate", Duplicate()),
    judged("overlap", Overlap(against=["test"])),
]
RECIPE = "examples: {sum: 400}, length: {steps: 400}, learning_rate: 5e-3, batch_size: 64"
"""A student from scratch that learns to answer some sums, but not all."""
TEACHER = Teacher(source=ReasoningGym(families=FAMILIES))
RESERVE = Reserve(seed=3, roles={"test": Kept(lane=LANES["test"])})


def sight(**more: object) -> Sight:
    return Sight(**{"scorer": ReasoningGymScore(), "reserve": RESERVE, **more})


def rows(items: list[Item]) -> list[Example]:
    return [Example.of(item, item.group) for item in items]


def outcome(verdict: Verdict) -> tuple[object, ...]:
    return verdict.accepted, verdict.rejected, verdict.counts()


def result(item: Item, right: bool) -> Result:
    return Result(
        id=item.id, group=item.group, input=item.input, target=item.target, prediction="",
        score=float(right), correct=right, unparseable=False, truncated=False,
    )  # fmt: skip


def requests(**amounts: int) -> list[Request]:
    return [Request(id=skill, count=count, skill=skill) for skill, count in amounts.items()]


def test_planted_cases_are_rejected_for_their_reasons() -> None:
    source = ReasoningGym(families=FAMILIES)
    (sealed, *_) = draw(source, Draw(per_group=2), role="test", lane=LANES["test"], seed=3)
    free = [
        item for item in islice(source.stream("gcd", 77), 60) if not RESERVE.holder(item, ["test"])
    ]
    good, other = free[0], next(item for item in free if item.id != free[0].id)
    wrong = Item(**{**other.row(), "target": "9999"})
    empty = Item(**{**other.row(), "target": ""})
    planted = [good, wrong, empty, good, sealed]
    verdict = judge(rows(planted), {"gcd": 99, "sum": 99}, CHECKS, sight())
    assert [row.id for row in verdict.accepted] == [good.id]
    assert [(row.check, row.reason) for row in verdict.rejected] == [
        ("scorable", "the scorer finds the answer wrong"),
        ("scorable", "the scorer cannot read the answer"),
        ("duplicate", "accepted before"),
        ("overlap", "reserved for test"),
    ]
    assert sum(sum(counts.values()) for counts in verdict.tally.values()) == 5


def test_what_was_accepted_in_an_earlier_iteration_is_a_duplicate() -> None:
    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    verdict = judge(rows([item]), {"gcd": 9}, CHECKS[1:2], sight(accepted={item.id: item.input}))
    assert (verdict.accepted, verdict.rejected[0].check) == ([], "duplicate")


def test_a_finite_source_reserves_what_it_holds() -> None:
    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    reserve = Reserve.parse({"seed": 0, "roles": {"selection": {"items": [item.id]}}})
    assert reserve.holder(item, LANES) == "selection"
    # The question is what an example is known by: whoever gives it another id teaches it no less.
    assert reserve.holder(Item(**{**item.row(), "id": "0" * 16}), LANES) == "selection"
    other = Item(**{**item.row(), "id": "0" * 16, "input": "another question"})
    assert reserve.holder(other, LANES) is None


def test_recording_notes_and_accepts() -> None:
    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    checks = [judged("duplicate", Duplicate(), "record")]
    verdict = judge(rows([item]), {"gcd": 9}, checks, sight(accepted={item.id: item.input}))
    assert verdict.accepted[0].notes == {"duplicate": "accepted before"}
    assert verdict.rejected == []


def test_an_example_that_the_student_answers_right_is_known() -> None:
    one, other, spoiled = (
        *islice(ReasoningGym(families=FAMILIES).stream("gcd", 1), 2),
        next(ReasoningGym(families=FAMILIES).stream("sum", 1)),
    )
    wrong = Item(**{**spoiled.row(), "target": f"{spoiled.target}7"})
    asked = [one, other, wrong, spoiled]
    right = zip(asked, (True, False, False, True), strict=True)
    answers = answers_of(result(item, is_right) for item, is_right in right)
    seen, quota = sight(answers=answers), {"gcd": 9, "sum": 9}
    verdict = judge(rows(asked), quota, [judged("known", Known())], seen)
    assert [(row.id, row.target) for row in verdict.accepted] == [
        (other.id, other.target),
        (wrong.id, wrong.target),
    ]
    assert [(row.id, row.reason) for row in verdict.rejected] == [
        (item.id, "the student answers it right already") for item in (one, spoiled)
    ]
    noted = judge(rows(asked), quota, [judged("known", Known(), "record")], seen)
    assert [row.notes for row in noted.accepted] == [
        {"known": "the student answers it right already"},
        None,
        None,
        {"known": "the student answers it right already"},
    ]


def test_a_check_sees_what_it_is_declared_to_read() -> None:
    seen: dict[str, tuple[bool, bool]] = {}

    class Looks:
        def __init__(self, name: str) -> None:
            self.name = name

        def objections(self, examples: list[Example], given: Sight) -> list[str | None]:
            seen[self.name] = (given.reserve is not None, given.answers is not None)
            assert (given.rates is None) is (given.answers is None)
            return [None]

    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    checks = [judged(name, Looks(name)) for name in definitions()["check"]]
    judge(
        rows([item]),
        {"gcd": 9},
        checks,
        sight(answers={(item.id, item.target): True}, rates={(item.id, item.target): 1.0}),
    )
    assert seen == {
        "scorable": (False, False),
        "duplicate": (False, False),
        "overlap": (True, False),
        "known": (False, True),
        "difficulty": (False, True),
        "verified": (False, False),
        "near-duplicate": (False, False),
        "near-overlap": (True, False),
        "text-length": (False, False),
        "executes": (False, False),
        "calls": (False, False),
        "image-agrees": (False, False),
        "near-image": (True, False),
    }


def test_a_check_may_only_remove() -> None:
    """Whatever a check does to what it is handed: nothing else is accepted, and nothing that is differs."""

    class Alters:
        def objections(self, examples: list[Example], given: Sight) -> list[str | None]:
            (item,) = examples
            item.metadata["altered"] = True
            item.metadata["numbers"].append(7)
            item.verifier["answer"] = "7"
            if given.reserve is not None:
                given.reserve.roles.clear()
            for alter in (
                lambda: given.accepted.add(item.id),
                lambda: given.accepted.discard(item.id),
                lambda: given.accepted.mapping.pop(item.id),
                lambda: setattr(given, "accepted", set()),
                lambda: setattr(item, "id", "0" * 16),
                lambda: setattr(given, "reserve", None),
                lambda: given.answers.pop((item.id, "7")),
            ):
                with pytest.raises((AttributeError, TypeError)):
                    alter()
            return [None]

    items = [
        item
        for item in islice(ReasoningGym(families=FAMILIES).stream("gcd", 1), 30)
        if "numbers" in item.metadata
    ]
    items += items[:3]
    answers = answers_of(result(item, number % 5 == 0) for number, item in enumerate(items))
    reserve = Reserve.parse(
        {
            "seed": 3,
            "roles": {"test": {"lane": LANES["test"]}, "selection": {"items": [items[1].id]}},
        }
    )
    after = [
        judged("duplicate", Duplicate()),
        judged("overlap", Overlap(against=["test", "selection"])),
        judged("scorable", Scorable()),
        judged("known", Known()),
    ]
    given = sight(reserve=reserve, answers=answers)
    expected = judge(rows(items), {"gcd": 9}, after, given)
    candidates = rows(items)
    reads = ("splits", "student", None)
    altering = [Judged(name=str(r), action="reject", reads=r, check=Alters()) for r in reads]
    found = judge(candidates, {"gcd": 9}, [*altering, *after], given)
    assert outcome(found) == outcome(expected)
    assert candidates == rows(items)
    assert expected.accepted
    assert {row.check for row in expected.rejected} >= {"overlap", "known"}


def test_what_hashes_of_a_split_say_is_set_apart_from_the_example() -> None:
    first, second = islice(ReasoningGym(families=FAMILIES).stream("gcd", 1), 2)
    one, two = rows([first, second])
    both = {"overlap": "reserved for test", "duplicate": "accepted before"}
    found = [replace(one, notes=both), replace(two, notes={"overlap": "reserved for test"})]
    accepted, noted = zip(*(parted(example, ["overlap"]) for example in found), strict=True)
    assert accepted == (replace(one, notes={"duplicate": "accepted before"}), two)
    assert parted(one, ["overlap"]) == (one, None)
    assert [row.plain() for row in noted] == [
        {"id": item.id, "skill": "gcd", "notes": {"overlap": "reserved for test"}}
        for item in (first, second)
    ]


@pytest.mark.parametrize(("action", "apart"), [("reject", None), ("record", ["overlap"])])
def test_an_overlap_that_is_only_recorded_is_set_apart(
    action: str, apart: list[str] | None, tmp_path: Path
) -> None:
    graph = compiled(
        tmp_path, TINY.replace("overlap: {action: reject}", f"overlap: {{action: {action}}}")
    )
    assert {str(stage.plain.get("apart")) for stage in graph.stages if stage.kind == "check"} == {
        str(apart)
    }


def test_a_reserve_holds_no_text_of_an_item(tmp_path: Path) -> None:
    items = [json.dumps({"q": f"secret question {n}", "a": f"secret {n}"}) for n in range(300)]
    (tmp_path / "items.jsonl").write_text("\n".join(items), encoding="utf-8")
    source = {"kind": "jsonl", "path": "sha256:0", "fields": {"input": "q", "target": "a"}}
    lanes: dict[str, list[float]] = {"test": [0.0, 0.5], "selection": [0.5, 0.75]}
    made = definitions()["source"]["jsonl"].version()
    params = {
        "lanes": lanes,
        "seed": 0,
        "sources": {key: {**source, "semantics": made} for key in lanes},
    }
    out = tmp_path / "out"
    (out / "hashes").mkdir(parents=True)
    reserve(
        Context(
            key="",
            params=ReserveParams.parse(params),
            reads=(),
            files={"sha256:0": tmp_path / "items.jsonl"},
            out_folder=out,
            log=tmp_path,
            work=tmp_path,
            say=lambda _: None,
        )
    )
    text = (out / "hashes" / "reserve.json").read_text(encoding="utf-8")
    held = json.loads(text)["roles"]
    assert "secret" not in text
    assert sum(len(part["items"]) for part in held.values()) > 150
    assert all(
        re.fullmatch("[0-9a-f]{16}", name) for part in held.values() for name in part["items"]
    )


def test_known_examples_are_rejected_by_the_students_own_answers(tmp_path: Path) -> None:
    """A student that knows its sums rather well is asked what it knows; the rounds that follow ask for the rest."""
    text = (
        TINY.replace("  no-state: {agent: {observe: nothing}}\n", "")
        .replace("iterations: 2", "iterations: 1")
        .split("analysis:")[0]
    )
    text = text.replace("{scores: true, yield: true, errors: 1}", "{scores: false}").replace(
        "overlap: {action: reject}", "known: {action: reject}"
    )
    text = text.replace(
        "examples: {sum: 60}, length: {steps: 6}, learning_rate: 2e-3, batch_size: 16", RECIPE
    )
    repo = new_repo(tmp_path / "repo", text)
    call("dataenvgym", "compile", cwd=repo)
    checks = [stage for stage in load("tiny", repo).stages if stage.kind == "check"]
    call("dvc", "repro", f"store/{checks[-1].path.name}/dvc.yaml:check", cwd=repo, timeout=600)
    (run,) = load("tiny", repo).runs
    turn = run.iterations[1]
    asked = turn.of("evaluate")
    assert [stage.label() for stage in asked[:2]] == [
        f"with-state, iteration 1/1, evaluate on candidates{more}" for more in ("", ", refill 1")
    ]
    answers = {
        (row.id, row.target): row.correct
        for stage in asked
        for row in stage.rows("candidates", "results.jsonl", Result)
    }
    assert len(answers) == len({row.id for row in turn.generated})
    assert not any(answers[row.id, row.target] for row in turn.accepted)
    known = [row for row in turn.rejected if row.check == "known"]
    assert len(known) > 3 < len(turn.accepted)
    assert all(answers[row.id, row.target] for row in known)


def test_the_amount_is_cut_at_a_prefix_of_the_request_order() -> None:
    items = list(
        {
            item.id: item for item in islice(ReasoningGym(families=FAMILIES).stream("gcd", 8), 40)
        }.values()
    )
    verdict = judge(rows(items), {"gcd": 5}, CHECKS[:2], sight())
    assert [row.id for row in verdict.accepted] == [item.id for item in items[:5]]
    assert verdict.tally["gcd"] == {"accepted": 5, "surplus": len(items) - 5}


@pytest.mark.parametrize("corrupt", [0.0, 0.5, 1.0])
def test_an_engine_that_corrupts_is_found_out(corrupt: float) -> None:
    engine = ProceduralEngine(teacher=TEACHER, oversample=1.0, corrupt=corrupt)
    items = list(engine.generate(requests(sum=60, gcd=60), Tools(seed=5)))
    assert len(items) == 120
    rejected = judge(items, {"sum": 99, "gcd": 99}, CHECKS[:1], sight()).rejected
    assert abs(len(rejected) / 120 - corrupt) <= 0.12
    honest = ProceduralEngine(teacher=TEACHER, oversample=1.0, corrupt=0.0)
    same = honest.generate(requests(sum=60, gcd=60), Tools(seed=5))
    clean = {item.id: item.target for item in same}
    assert {row.id for row in rejected} == {
        item.id for item in items if clean[item.id] != item.target
    }


def test_an_engine_repeats_itself_by_seed_and_only_then() -> None:
    engine = ProceduralEngine(teacher=TEACHER, oversample=2.0, corrupt=0.0)

    def drawn(count: int, seed: int) -> list[Example]:
        return list(engine.generate(requests(sum=count), Tools(seed=seed)))

    assert drawn(10, 1) == drawn(10, 1)
    assert len(drawn(10, 1)) == 20
    one, two = ({item.id for item in drawn(200, seed)} for seed in (1, 2))
    assert len(one & two) < 0.3 * len(one)


def test_a_policy_without_state_is_even_and_with_state_follows_it() -> None:
    policy = Allocate(power=1.0, floor=0.1)
    skills = ("a", "b", "c")
    assert policy.act(SkillListState(skills=skills), 30, Tools(seed=0)).allocation == {
        "a": 10,
        "b": 10,
        "c": 10,
    }
    scores = {
        "a": SkillScore(accuracy=1.0, items=20),
        "b": SkillScore(accuracy=0.5, items=20),
        "c": SkillScore(accuracy=0.0, items=20),
    }
    action = policy.act(SkillListState(skills=skills, scores=scores), 300, Tools(seed=0))
    assert action.allocation == {"a": 10, "b": 100, "c": 190}
    assert "accuracy 0.00 on 20 hidden items" in action.reasons["c"]
    dry = {skill: Yield(requested=100, accepted=0 if skill == "c" else 100) for skill in skills}
    assert (
        policy.act(
            SkillListState(skills=skills, scores=scores, yields=dry), 300, Tools(seed=0)
        ).allocation["c"]
        == 10
    )


def test_shares_sum_to_the_amount() -> None:
    for amount in range(40):
        assert sum(share_out({"a": 0.2, "b": 0.5, "c": 0.31}, amount).values()) == amount


class _Silent:
    """Answers nothing, as an installed check might."""

    def objections(self, examples: object, sight: object) -> list[str | None]:
        return []


def test_a_check_that_returns_another_number_of_answers_is_refused() -> None:
    item = next(ReasoningGym(families={"sum": {"dataset": "basic_arithmetic"}}).stream("sum", 0))
    silent = Judged(name="silent", action="reject", reads=None, check=_Silent())
    sight = Sight(scorer=ReasoningGymScore())
    with pytest.raises(StageError, match="'silent' returned 0 answers for one example"):
        judge([Example.of(item, "sum")], {"sum": 1}, [silent], sight)


@pytest.mark.parametrize("scorer", ["exact-match", "math-verify"])
def test_a_planted_wrong_target_is_found_by_what_the_item_carries(scorer: str) -> None:
    engine = ProceduralEngine(teacher=TEACHER, oversample=1.0, corrupt=1.0)
    planted = list(engine.generate(requests(sum=20, gcd=20), Tools(seed=4)))
    made = definition("scorer", scorer).load()(**defaults("scorer", scorer))
    objections = Scorable().objections(planted, sight(scorer=made))
    assert set(objections) == {"the scorer finds the answer wrong"}
    sound = [replace(item, target=item.golds[0]) for item in planted]
    assert set(Scorable().objections(sound, sight(scorer=made))) == {None}
