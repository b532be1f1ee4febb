"""Early stopping: what the gate decides, what it does to graph, keys and proof, and a loop that stops."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.compile.compiler import front_end, warnings
from dataenvgym_spec.compile.passes.leakage import leakage, roles
from dataenvgym_spec.execute.pass_through import EMPTY
from dataenvgym_spec.execute.stages.gate import stops
from dataenvgym_spec.graph.ir import Graph, Input, Stage
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.evaluations import Choice
from dataenvgym_spec.report import words
from dataenvgym_spec.results.curves import Curve, CurvePoint, curves, mean_curves, skill_grids
from dataenvgym_spec.results.evidence.statistics import proportion
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.fates import fates
from dataenvgym_spec.results.ledger import read_ledger
from dataenvgym_spec.results.teaching import teaching_costs
from dataenvgym_spec.track.project import project
from tests.support.graphs import compiled, keys
from tests.support.repositories import call, new_repo
from tests.support.specs import TEMPLATE, TINY

GATED = {"plan", "generate", "check", "train", "evaluate"}


def stopping(iterations: int, patience: int = 1, text: str = TINY) -> str:
    return text.replace(
        "iterations: 2", f"iterations: {iterations}\n  stop: {{patience: {patience}}}"
    )


def at(graph: Graph, iteration: int | None, arm: str = "with-state") -> list[Stage]:
    return [
        stage
        for stage in graph.stages
        if (stage.uses[0].arm, stage.uses[0].iteration) == (arm, iteration)
    ]


@pytest.mark.parametrize(
    ("scores", "patience", "stop"),
    [
        ([0.1], 1, False),
        ([0.1, 0.2], 1, False),
        ([0.1, 0.1], 1, True),  # an equal score is no better one
        ([0.2, 0.1], 1, True),
        ([0.2, 0.1], 2, False),
        ([0.2, 0.1, 0.2], 2, True),
        ([0.2, 0.1, 0.3], 2, False),
        ([0.2, 0.3, 0.1, 0.2], 2, True),
        ([0.2, None], 5, True),
    ],
)
def test_the_loop_stops_when_patience_is_used_up(
    scores: list[float | None], patience: int, stop: bool
) -> None:
    assert stops(scores, patience) is stop


@given(
    scores=st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12),
    patience=st.integers(1, 4),
)
def test_what_is_stopped_stays_stopped_and_nothing_stops_on_a_rising_score(
    scores: list[float], patience: int
) -> None:
    seen: list[float | None] = []
    for score in scores:
        stopped = bool(seen) and stops(seen, patience)
        before, late = seen[:-patience], seen[-patience:]
        if None not in seen:
            assert stopped == (bool(before) and max(late) <= max(before))
        seen.append(None if stopped else score)
    taken = [score is not None for score in seen]
    assert taken == sorted(taken, reverse=True)


def test_a_gate_stands_before_every_iteration_that_can_be_stopped(tmp_path: Path) -> None:
    graph = compiled(tmp_path, stopping(4))
    known = graph.by_id()
    for arm in ("with-state", "no-state"):
        gates = [
            stage for stage in graph.stages if stage.kind == "gate" and stage.uses[0].arm == arm
        ]
        assert [stage.uses[0].iteration for stage in gates] == [3, 4]
        for gate in gates:
            number = gate.uses[0].iteration
            assert [known[item.stage].uses[0].iteration for item in gate.inputs] == list(
                range(1, number)
            )
            assert {item.port for item in gate.inputs} == {"selection"}
            gated = [
                stage
                for stage in graph.stages
                if any(item.slot == "gate" and item.stage == gate.id for item in stage.inputs)
            ]
            feedback = ["evaluate on feedback"] if arm == "with-state" else []
            assert (
                sorted(
                    stage.uses[0].what for stage in gated if stage.uses[0].iteration == number - 1
                )
                == feedback
            )
            assert {stage.id for stage in gated if stage.uses[0].iteration == number} == {
                stage.id
                for stage in at(graph, number, arm)
                if stage.kind != "gate" and "feedback" not in stage.uses[0].what
            }
            (train,) = [stage for stage in gated if stage.kind == "train"]
            (previous,) = [known[item.stage] for item in train.inputs if item.slot == "previous"]
            assert (previous.kind, previous.uses[0].iteration) == ("train", number - 1)
    for stage in graph.stages:
        if (
            stage.kind in ("select", "data", "student", "skills", "reserve")
            or (stage.uses[0].iteration or 0) == 1
        ):
            assert not any(item.slot in ("gate", "previous") for item in stage.inputs)


def test_whatever_a_gate_can_stop_can_be_passed_through() -> None:
    gated = {name for name, kind in KINDS.items() if kind.gated}
    repeating = {name for name, kind in KINDS.items() if kind.repeats}
    assert {*EMPTY, *repeating} == gated == GATED


def test_a_longer_loop_that_can_stop_has_the_same_beginning(tmp_path: Path) -> None:
    short, long = compiled(tmp_path, stopping(4)), compiled(tmp_path, stopping(5))
    assert {stage.uses[0].iteration for stage in short.stages if stage.id not in keys(long)} == {
        None
    }
    new = [stage for stage in long.stages if stage.id not in keys(short)]
    assert {stage.uses[0].iteration for stage in new} == {4, 5, None}
    assert {stage.uses[0].what for stage in new if stage.uses[0].iteration == 4} == {
        "evaluate on feedback"
    }


def test_until_it_can_stop_a_loop_is_the_same_as_one_that_cannot(tmp_path: Path) -> None:
    plain, graph = (
        compiled(tmp_path, TINY.replace("iterations: 2", "iterations: 4")),
        compiled(tmp_path, stopping(4, 2)),
    )
    assert {stage.uses[0].iteration for stage in graph.stages if stage.id not in keys(plain)} == {
        3,
        4,
        None,
    }
    assert [stage.uses[0].what for stage in at(graph, 3) if stage.id not in keys(plain)] == [
        "evaluate on feedback"
    ]
    assert keys(compiled(tmp_path, stopping(2))) == keys(compiled(tmp_path, TINY))


def test_one_arm_may_stop_and_another_not(tmp_path: Path) -> None:
    plain = TINY.replace("iterations: 2", "iterations: 3")
    before, after = (
        compiled(tmp_path, plain),
        compiled(
            tmp_path, plain.replace("with-state: {}", "with-state: {loop: {stop: {patience: 1}}}")
        ),
    )
    changed = [stage for stage in after.stages if stage.id not in keys(before)]
    assert {use.arm for stage in changed for use in stage.uses} == {"with-state"}
    assert any(stage.kind == "gate" for stage in changed)


def test_a_gate_tells_nobody_more_than_its_bit(tmp_path: Path) -> None:
    graph = compiled(tmp_path, stopping(4))
    assert leakage(graph) == []
    carried = roles(graph)
    for stage in graph.stages:
        for port in stage.ports:
            assert ("bit" in carried[stage.id, port]) == (stage.kind == "gate")
        if stage.kind == "gate":
            assert set(carried[stage.id, "gate"]) == {"bit"}
        if stage.plain.get("observe") == "nothing":
            assert not {"student", "selection", "test"} & {
                role for port in stage.ports for role in carried[stage.id, port]
            }


def test_only_a_slot_for_a_gate_takes_one_and_it_takes_nothing_else(tmp_path: Path) -> None:
    graph = compiled(tmp_path, stopping(4))
    tried = 0
    for place, stage in enumerate(graph.stages):
        before = graph.stages[:place]
        gate = next((item for item in before if item.kind == "gate"), None)
        scores = next(
            (
                item
                for item in before
                if item.kind == "evaluate" and "selection" in item.plain["splits"]
            ),
            None,
        )
        for index, item in enumerate(stage.inputs):
            other = scores if item.slot == "gate" else gate
            if other is not None:
                tried += 1
                inputs = tuple(
                    replace(edge, stage=other.id, port=other.ports[0]) if n == index else edge
                    for n, edge in enumerate(stage.inputs)
                )
                assert leakage(Graph(stages=(*before, replace(stage, inputs=inputs)))), (
                    stage.kind,
                    item.slot,
                )
    assert tried > 60


def test_a_gate_reads_no_test_split(tmp_path: Path) -> None:
    graph = compiled(tmp_path, stopping(3))
    (test,) = [
        stage
        for stage in graph.stages
        if stage.kind == "evaluate"
        and stage.plain["splits"] == ["test"]
        and stage.uses[0].iteration == 0
    ]
    gate = next(stage for stage in graph.stages if stage.kind == "gate")
    changed = replace(
        gate, inputs=(*gate.inputs, Input(slot="results", stage=test.id, port="test"))
    )
    found = leakage(Graph(stages=(*graph.stages[: graph.stages.index(gate)], changed)))
    assert {leak.role for leak in found} == {
        "test",
        "student",
    }  # the student's behaviour too: it was not measured on selection
    assert any("the test split reaches 'results' of gate" in leak.message for leak in found)


def test_a_stage_that_passes_through_writes_its_ports_and_imports_no_model(tmp_path: Path) -> None:
    """Each kind on its own, with a gate that said stop and nothing else that it could work with."""
    repo = tmp_path
    (repo / ".dvc").mkdir()
    graph = compiled(repo, stopping(3))
    call("dataenvgym", "compile", "spec.yaml", cwd=repo)
    known = graph.by_id()
    stages = {
        stage.kind: stage
        for stage in graph.stages
        if any(item.slot == "gate" for item in stage.inputs)
    }
    assert set(stages) == GATED
    for stage in stages.values():
        for item in stage.inputs:
            port = repo / "store" / known[item.stage].directory / "out" / item.port
            port.mkdir(parents=True, exist_ok=True)
            if item.slot == "gate":
                (port / "gate.json").write_text('{"stop": true}\n', encoding="utf-8")
            if item.slot == "previous":
                (port / "model.safetensors").write_bytes(b"weights")
            if item.slot == "state":
                (port / "state.json").write_text(
                    '{"history": [{"allocation": {"sum": 30}, "reasons": {}}]}\n', encoding="utf-8"
                )
    code = (
        "import sys\nfrom pathlib import Path\nfrom dataenvgym_spec.execute.run import run_stage\nfrom dataenvgym_spec.store.layout import Layout\n"
        f"for name in {[stage.directory for stage in stages.values()]!r}: run_stage(Layout(root=Path('.').resolve()), name)\n"
        "print('HEAVY', sorted({'torch', 'transformers', 'vllm', 'reasoning_gym'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=False
    )
    assert "HEAVY []" in result.stdout, result.stdout + result.stderr
    assert result.stdout.count("passed through") == len(GATED)
    out = {kind: repo / "store" / stage.directory / "out" for kind, stage in stages.items()}
    for kind, stage in stages.items():
        assert (
            json.loads((out[kind].parent / "log" / "run.json").read_text(encoding="utf-8"))[
                "passed"
            ]
            is True
        )
        assert {path.name for path in out[kind].iterdir()} == set(stage.ports)
    assert (
        json.loads((out["plan"] / "plan" / "plan.json").read_text(encoding="utf-8"))["allocation"]
        == {}
    )
    assert json.loads((out["plan"] / "state" / "state.json").read_text(encoding="utf-8"))[
        "history"
    ][0]["allocation"] == {"sum": 30}
    assert (out["train"] / "student" / "model.safetensors").read_bytes() == b"weights"
    for path in (
        "generate:candidates/examples.jsonl",
        "check:accepted/examples.jsonl",
        "check:rejected/examples.jsonl",
        "evaluate:selection/results.jsonl",
    ):
        kind, _, name = path.partition(":")
        assert (out[kind] / name).read_text(encoding="utf-8") == ""


def test_a_mean_over_runs_keeps_the_last_student_of_a_run_that_stopped() -> None:
    def curve(seed: int, right: list[int], stopped: int | None) -> Curve:
        points = [
            CurvePoint(
                iteration=number, examples=10 * number, accuracy=proportion(count, 10), items=10
            )
            for number, count in enumerate(right)
        ]
        return Curve(arm="a", seed=seed, points=tuple(points), best=1, stopped=stopped)

    found = [curve(0, [0, 8, 6], 2), curve(1, [0, 2, 4, 6], None)]
    (mean,) = mean_curves(found)
    assert [
        (point.iteration, round(point.accuracy.value, 3), point.examples) for point in mean.points
    ] == [(0, 0, 0), (1, 0.5, 10), (2, 0.5, 20), (3, 0.6, 25)]
    assert words.stops(found).startswith("Stopped on selection: a, run seed 0, after iteration 2. ")
    assert words.stops([curve(0, [0, 1], None)]) == ""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loop of three that learns nothing and stops after two, reproduced once by DVC."""
    text = (
        stopping(3)
        .replace("learning_rate: 1e-3", "learning_rate: 1e-9")
        .replace("refill: 1", "refill: 0")
    )
    text = text.replace("  no-state: {agent: {observe: nothing}}\n", "").split("analysis:")[0]
    repo = new_repo(tmp_path_factory.mktemp("stopped") / "repo", text)
    call("dataenvgym", "compile", cwd=repo)
    said = call("dvc", "repro", "tiny", cwd=repo).stdout
    (repo / "said.txt").write_text(said, encoding="utf-8")
    return repo


def test_after_a_stop_the_last_student_is_passed_through_at_no_cost(stopped: Path) -> None:
    results = load("tiny", stopped)
    (run,) = results.runs
    assert run.stopped == run.reached == 2
    assert [turn.passed for turn in run.iterations] == [False, False, False, True]
    students = [
        (turn.training.path / "out" / "student" / "model.safetensors").read_bytes()
        for turn in run.iterations
    ]
    assert students[1] != students[2] == students[3]
    passed = run.iterations[3]
    assert all(
        stage.passed and stage.log.seconds["total"] < 1
        for stage in passed.stages
        if stage.kind != "gate"
    )
    assert (passed.generated, passed.accepted, passed.results("selection")) == ([], [], [])
    assert [
        stage.passed
        for stage in run.iterations[2].stages
        if "hidden" in [path.name for path in (stage.path / "out").iterdir()]
    ] == [True]
    assert run.choice == Choice(best=1, last=2, accuracy=(0.0, 0.0))
    assert {row.iteration for row in run.sealed("last")} == {2}
    starts = [run.iterations[number].of("plan")[0].log.started for number in range(1, 4)]
    assert all(early < late for early, late in pairwise(starts))


def test_the_report_says_that_the_loop_stopped_on_selection(stopped: Path) -> None:
    folder = stopped / "reports" / "tiny"
    assert "Stopped on selection: with-state after iteration 2." in (
        folder / "index.html"
    ).read_text(encoding="utf-8")
    assert "Stopped on selection: with-state after iteration 2." in (
        stopped / "said.txt"
    ).read_text(encoding="utf-8")
    numbers = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert numbers["stopped"] == {"with-state": {"0": 2}}
    rows = (folder / "curves.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert sorted({row.split(",")[2] for row in rows}) == ["0", "1", "2"]
    results = load("tiny", stopped)
    assert [len(curve.points) for curve in curves(results)] == [3]
    assert [grid.iterations for grid in skill_grids(results)] == [(0, 1, 2)]
    assert [item.iteration for item in fates(results)] == [1, 2]
    book = {account.name: account.cost.stages for account in read_ledger(results).kinds}
    assert (book["plan"], book["generate"], book["check"], book["train"], book["gate"]) == (
        2,
        2,
        2,
        2,
        1,
    )
    assert (
        book["evaluate"] == 7
    )  # the base on selection, test and feedback; both students on selection, the first on feedback; best and last


def test_tracking_has_no_run_and_no_cost_of_an_iteration_that_was_passed(stopped: Path) -> None:
    results = load("tiny", stopped)
    record = project(results)
    base, *others = record.runs
    assert base.name == "base student"
    assert [run.id for run in others] == [
        "tiny/with-state/seed-0",
        *(f"tiny/with-state/seed-0/iteration-{n}" for n in (1, 2)),
        "tiny/with-state/summary",
    ]
    top, *_, summary = others
    assert dict(top.tags)["stopped"] == "on selection, after iteration 2"
    assert (
        max(
            metric.step
            for run in (top, summary)
            for metric in run.metrics
            if not metric.key.startswith(
                ("test/", "selection/accuracy_by", "selection/accuracy_mean_by")
            )
        )
        == 2
    )
    assert all(run.status == "FINISHED" for run in record.runs)
    spent = teaching_costs(results.runs[0], read_ledger(results))
    assert sorted(spent) == [0, 1, 2]
    assert spent[2].examples > spent[1].examples > 0


def test_stages_that_were_passed_are_done_and_nothing_runs_twice(stopped: Path) -> None:
    rows = json.loads(call("dataenvgym", "status", "tiny", "--json", cwd=stopped).stdout)["stages"]
    assert {row["state"] for row in rows} == {"done"}
    assert sum(row["detail"] == "passed through" for row in rows) == 6
    assert "Stopped on selection" in call("dataenvgym", "report", "tiny", cwd=stopped).stdout
    steps = json.loads(call("dataenvgym", "plan", "tiny", "--json", cwd=stopped).stdout)["stages"]
    assert {step["action"] for step in steps} == {"reuse"}


def test_plan_foresees_what_is_passed_through_and_dvc_does_it(
    stopped: Path, tmp_path: Path
) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(stopped, repo, symlinks=True)
    shutil.rmtree(repo / ".dvc" / "cache" / "runs")
    passed = [
        stage.path.name
        for stage in load("tiny", repo).runs[0].iterations[3].stages
        if stage.kind in GATED
    ]
    for directory in passed:
        (repo / "store" / directory / "dvc.lock").unlink()

    def planned() -> dict[str, tuple[str, str]]:
        rows = json.loads(call("dataenvgym", "plan", "tiny", "--json", cwd=repo).stdout)["stages"]
        return {row["directory"]: (row["action"], row["cause"]) for row in rows}

    steps = planned()
    assert {steps[directory][0] for directory in passed} == {"pass"}
    assert (
        steps[passed[0]][1]
        == "'with-state, iteration 3/3, go on or stop' says stop: the last student is passed through, at no cost"
    )
    assert {directory for directory, (action, _) in steps.items() if action == "run"} == {
        ""
    }  # the report reads logs
    said = call("dvc", "repro", "tiny", cwd=repo).stdout
    assert all(f"store/{directory}/dvc.yaml" in said for directory in passed)
    assert {action for action, _ in planned().values()} == {"reuse"}

    # Before the gate has spoken nobody knows.
    gate = next(
        stage.path
        for stage in load("tiny", repo).runs[0].iterations[3].stages
        if stage.kind == "gate"
    )
    shutil.rmtree(repo / ".dvc" / "cache" / "runs")
    for directory in (*passed, gate.name):
        (repo / "store" / directory / "dvc.lock").unlink()
    shutil.rmtree(repo / "store" / gate.name / "out")
    steps = planned()
    assert steps[gate.name][0] == "run"
    assert {steps[directory][0] for directory in passed} == {"maybe"}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            stopping(4, 3),
            "  stop: {patience: 3}",
            "a patience of 3 can never stop a loop of 4 iterations",
        ),
        (
            stopping(2),
            "  stop: {patience: 1}",
            "a patience of 1 can never stop a loop of 2 iterations",
        ),
        (
            stopping(4).replace("arms:", "select: {by: last}\narms:"),
            "select: {by: last}",
            "the last of those is called best",
        ),
        (stopping(4, 2), "", ""),
        (TINY, "", ""),
    ],
)
def test_a_stop_that_does_not_do_what_it_seems_to_is_a_warning(
    text: str, place: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    found = warnings(front_end([tmp_path / "spec.yaml"], root=tmp_path))
    assert [(item.code, item.severity, item.span.text) for item in found if item.span] == (
        [("W403", "warning", place)] if said else []
    )
    assert all(said in item.message for item in found)
