"""An iteration with several rounds of the agent, as report, tables and tracking read it."""

from pathlib import Path

import pytest

from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.experiment import StageUse
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.records.plans import Plan, Yield
from dataenvgym_spec.results.curves import _allocation
from dataenvgym_spec.results.notebook import _plan
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.track.iteration import turn_artifacts

ASKED = ({"sum": 5, "lcm": 1}, {"lcm": 4})


def stage(folder: Path, key: str, kind: str, *inputs: str) -> StageResult:
    """A stage that is done."""
    path = folder / f"{kind}-{key}"
    (path / "log").mkdir(parents=True)
    (path / "log" / "run.json").write_text("{}", encoding="utf-8")
    use = StageUse(arm="main", seed=0, iteration=1, label=f"main, {kind}")
    return StageResult(key=key, kind=kind, path=path, inputs=inputs, uses=(use,))


def example(skill: str, plan: str, number: int | None) -> Example:
    made = Provenance(iteration=1, plan=plan, teacher="procedural", agent_round=number)
    return Example(
        id=plan + skill,
        input="?",
        target="1",
        group=skill,
        cluster="c",
        skill=skill,
        provenance=made,
    )


@pytest.fixture
def turn(tmp_path: Path) -> Iteration:
    """One iteration of two rounds; the second plan reads the state of the first."""
    stages = []
    before: tuple[str, ...] = ()
    for number, asked in enumerate(ASKED, start=1):
        later = number if number > 1 else None
        name = f"plan{number}"
        plan = stage(tmp_path, name, "plan", "skills", *before)
        (plan.port("plan")).mkdir(parents=True)
        reasons = dict.fromkeys(asked, f"why {number}")
        made = Plan(allocation=asked, reasons=reasons, errors={}, iteration=1, agent_round=later)
        write_json(plan.port("plan") / "plan.json", made)
        check = stage(tmp_path, f"check{number}", "check", name, *before[1:])
        for port in ("accepted", "rejected", "yield"):
            check.port(port).mkdir(parents=True)
        rows = [example(skill, name, later) for skill in asked]
        write_rows(check.port("accepted") / "examples.jsonl", rows)
        write_rows(check.port("rejected") / "examples.jsonl", [])
        write_json(check.port("rejected") / "tally.json", {"lcm": {"accepted": 1}})
        given = Yield(requested=number, accepted=1).plain()
        write_json(check.port("yield") / "yield.json", {"lcm": given})
        stages += [plan, check]
        before = (name, f"check{number}")
    return Iteration(number=1, stages=tuple(stages))


def test_each_round_has_its_plan_and_what_carried_it_out(turn: Iteration) -> None:
    rounds = [[one.key for one in part.stages] for part in turn.rounds]
    assert rounds == [["plan1", "check1"], ["plan2", "check2"]]
    assert [plan.allocation for plan in turn.plans] == list(ASKED)
    assert (turn.allocation, turn.asked) == ({"sum": 5, "lcm": 5}, 10)
    assert {skill: cell.value for skill, cell in _allocation(turn).items()} == turn.allocation
    assert turn.tally == {"lcm": {"accepted": 2}}


def test_the_table_of_plans_has_a_row_for_each_round(turn: Iteration) -> None:
    run = Run(arm="main", seed=0, iterations=(turn,), closing=())
    rows = [row for part in turn.rounds for row in _plan(run, part)]
    assert [(row.agent_round, row.skill, row.asked, row.accepted) for row in rows] == [
        (1, "lcm", 1, 1),
        (1, "sum", 5, 0),
        (2, "lcm", 4, 1),
    ]


def test_tracking_shows_the_artifacts_of_every_round(turn: Iteration) -> None:
    shown = {artifact.path: artifact.text for artifact in turn_artifacts(turn)}
    assert set(shown) == {
        *("checks/tally.json", "examples/some.md"),
        *("plan/plan.json", "plan/plan.md", "checks/yield.json"),
        *("round-2/plan/plan.json", "round-2/plan/plan.md", "round-2/checks/yield.json"),
    }
    assert '"requested": 1' in shown["checks/yield.json"]
    assert "why 2" in shown["round-2/plan/plan.md"]
