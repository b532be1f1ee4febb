"""The command line with good and bad input: one message, a remedy, the right exit code, no traceback."""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.cli.commands import COMMANDS
from tests.support.repositories import call, environment, expect_refusal
from tests.support.specs import TINY, tiny
from tests.support.waiting import interrupt_run, wait_until


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, tmp_path: Path) -> None:
    said = call("dataenvgym", name, "--help", cwd=tmp_path).stdout
    assert "Example:" in said
    assert f"dataenvgym {name}" in said.partition("Example:")[2]


def test_an_unknown_command_is_answered_with_a_suggestion(tmp_path: Path) -> None:
    expect_refusal(call("dataenvgym", "comple", cwd=tmp_path, ok=False), "did you mean 'compile'?")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\n", ["E002", "spec.yaml:"]),
        ("a:\n\tb: 1\n", ["E002", "tab", "indent with spaces"]),
        ("version: 1\nversion: 1\n", ["E101", "spec.yaml:2:1"]),
        ("- 1\n", ["E103", "a spec is a mapping"]),
        ("version: 2\n", ["E106"]),
    ],
)
def test_a_broken_spec(text: str, words: list[str], repo: Path) -> None:
    (repo / "specs" / "spec.yaml").write_text(text, encoding="utf-8")
    for command in ("validate", "compile", "plan", "show", "graph", "run"):
        expect_refusal(call("dataenvgym", command, "specs/spec.yaml", cwd=repo, ok=False), *words)


def test_other_bad_files(repo: Path) -> None:
    (repo / "specs" / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    expect_refusal(
        call("dataenvgym", "validate", "specs/binary.yaml", cwd=repo, ok=False), "E001", "UTF-8"
    )
    expect_refusal(
        call("dataenvgym", "validate", "specs/none.yaml", cwd=repo, ok=False),
        "E001",
        "does not exist",
    )
    expect_refusal(
        call("dataenvgym", "validate", "specs", cwd=repo, ok=False), "no experiment 'specs'"
    )
    expect_refusal(
        call("dataenvgym", "plan", "quickstar", cwd=repo, ok=False),
        "there is no experiment 'quickstar'",
        "tiny",
    )


def test_where_there_is_nothing_the_remedy_is_to_make_something(repo: Path) -> None:
    spec = repo / "specs" / "tiny.yaml"
    spec.write_text("version: 1\n", encoding="utf-8")
    said = call("dataenvgym", "plan", "other", cwd=repo, ok=False)
    expect_refusal(said, "there is no experiment 'other'", "allowed here: tiny")
    spec.unlink()
    for command in ("validate", "compile", "plan", "show", "graph"):
        said = call("dataenvgym", command, "other", cwd=repo, ok=False)
        expect_refusal(said, "there is no experiment 'other'", "run: dataenvgym init")
    spec.write_text(tiny(teachers=None), encoding="utf-8")
    said = call("dataenvgym", "validate", cwd=repo, ok=False)
    expect_refusal(said, "there is no teacher 'generator'", "add one of that name")


def test_diagnostics_for_programs(repo: Path) -> None:
    (repo / "specs" / "tiny.yaml").write_text(
        TINY.replace("iterations: 2", "iteration: 2"), encoding="utf-8"
    )
    result = call("dataenvgym", "validate", "--json", cwd=repo, ok=False)
    assert result.returncode == 2
    content = json.loads(result.stdout)
    assert content["valid"] is False
    assert {(row["code"], row["file"]) for row in content["diagnostics"]} == {
        ("E102", "specs/tiny.yaml"),
        ("E104", "specs/tiny.yaml"),
    }
    assert all(row["line"] and row["column"] and row["help"] for row in content["diagnostics"])


def test_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    for command in (["compile"], ["plan"], ["run", "x"], ["status"], ["report", "x"]):
        expect_refusal(call("dataenvgym", *command, cwd=tmp_path, ok=False), "git", "dvc init")
    call("git", "init", "-q", cwd=tmp_path)
    expect_refusal(
        call("dataenvgym", "compile", cwd=tmp_path, ok=False), "in no DVC repository", "dvc init"
    )
    call("dataenvgym", "doctor", "--fix", cwd=tmp_path)
    expect_refusal(call("dataenvgym", "compile", cwd=tmp_path, ok=False), "there are no specs")
    assert "MISSING" not in call("dataenvgym", "doctor", cwd=tmp_path).stdout


def test_compiling_twice_changes_nothing_and_drift_is_told(repo: Path) -> None:
    assert call("dataenvgym", "compile", "--check", cwd=repo, ok=False).returncode == 2
    call("dataenvgym", "compile", cwd=repo)
    assert json.loads(call("dataenvgym", "compile", "--json", cwd=repo).stdout)["changed"] == []
    assert "up to date" in call("dataenvgym", "compile", "--check", cwd=repo).stdout
    stage = next(repo.glob("store/plan-*/stage.json"))
    stage.write_text(stage.read_text(encoding="utf-8")[:40], encoding="utf-8")
    result = call("dataenvgym", "compile", "--check", cwd=repo, ok=False)
    assert (result.returncode, "differs" in result.stdout) == (2, True)
    call("dataenvgym", "compile", cwd=repo)
    call("dataenvgym", "compile", "--check", cwd=repo)


def test_other_stages_of_the_root_pipeline_are_left_alone(repo: Path) -> None:
    (repo / "dvc.yaml").write_text("stages:\n  mine:\n    cmd: echo hi\n", encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    assert set(yaml.safe_load((repo / "dvc.yaml").read_text(encoding="utf-8"))["stages"]) == {
        "mine",
        "tiny",
    }
    (repo / "specs" / "tiny.yaml").write_text(
        TINY.replace("name: tiny", "name: other"), encoding="utf-8"
    )
    call("dataenvgym", "compile", cwd=repo)
    assert set(yaml.safe_load((repo / "dvc.yaml").read_text(encoding="utf-8"))["stages"]) == {
        "mine",
        "other",
    }
    assert [path.name for path in (repo / "experiments").iterdir()] == ["other.json"]
    (repo / "specs" / "tiny.yaml").write_text(
        TINY.replace("name: tiny", "name: mine"), encoding="utf-8"
    )
    expect_refusal(call("dataenvgym", "compile", cwd=repo, ok=False), "a stage 'mine' of its own")


HOSTILE = [
    "${x.y} $(touch owned) `touch owned`",
    "a\\nb: {{ 1/0 }} \\\" ' ; rm -rf / #",
    "{% raw %} <script>alert(1)</script> %s %(x)s !!python/object",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_description_is_harmless(text: str, repo: Path) -> None:
    (repo / "specs" / "tiny.yaml").write_text(
        TINY.replace("description: A spec small enough for a test.", f'description: "{text}"'),
        encoding="utf-8",
    )
    call("dataenvgym", "compile", cwd=repo)
    call("dvc", "stage", "list", "--all", cwd=repo)
    emitted = (repo / "dvc.yaml").read_text(encoding="utf-8") + "".join(
        path.read_text(encoding="utf-8") for path in repo.glob("store/*/dvc.yaml")
    )
    assert "owned" not in emitted
    assert "${" not in emitted
    assert not (repo / "owned").exists()


def test_a_damaged_pipeline_or_lock_is_told(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    lock = next(repo.glob("store/plan-*/dvc.lock"))
    lock.write_text("<<<<<<< ours\nschema: '2.0'\n=======\n", encoding="utf-8")
    expect_refusal(
        call("dataenvgym", "plan", cwd=repo, ok=False), "merge conflict", "git checkout --theirs"
    )
    lock.write_text("schema: '2.0\n  stages: [", encoding="utf-8")
    expect_refusal(call("dataenvgym", "plan", cwd=repo, ok=False), "damaged or half-written")
    expect_refusal(call("dataenvgym", "doctor", cwd=repo, ok=False), "damaged: store/plan-")
    lock.unlink()
    whole = (repo / "dvc.yaml").read_text(encoding="utf-8")
    (repo / "dvc.yaml").write_text(whole[: len(whole) // 2] + "\n  [", encoding="utf-8")
    expect_refusal(
        call("dataenvgym", "compile", cwd=repo, ok=False),
        "damaged or half-written",
        "git checkout HEAD -- dvc.yaml",
    )


def test_a_damaged_stage_or_result_fails_its_stage_with_a_remedy(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    stage = next(repo.glob("store/select-*"))
    text = (stage / "stage.json").read_text(encoding="utf-8")
    (stage / "stage.json").write_text(
        text.replace('"by": "selection.accuracy"', '"by": "last"'), encoding="utf-8"
    )
    expect_refusal(
        call("dataenvgym", "stage", cwd=stage, ok=False),
        "does not give its key",
        "dataenvgym compile",
        code=1,
    )
    (stage / "stage.json").write_text(text, encoding="utf-8")
    read = next(iter(json.loads(text)["reads"].values()))
    results = repo / "store" / read / "out" / "selection" / "results.jsonl"
    content = results.read_text(encoding="utf-8")
    results.unlink()
    results.write_text(content[: len(content) // 2], encoding="utf-8")
    expect_refusal(
        call("dataenvgym", "stage", cwd=stage, ok=False), "is not what its lock says", code=1
    )
    shutil.rmtree(results.parent)
    expect_refusal(call("dataenvgym", "stage", cwd=stage, ok=False), "is missing", code=1)
    expect_refusal(call("dataenvgym", "stage", cwd=repo, ok=False), "no stage directory")
    call("dvc", "repro", "tiny", cwd=repo)  # DVC restores what was damaged
    assert results.read_text(encoding="utf-8") == content


def test_a_failed_stage_exits_with_1_and_says_why(repo: Path) -> None:
    text = TINY.replace(
        "      families:\n",
        "      families:\n        odd: {dataset: decimal_arithmetic, config: {precision: 4}}\n",
    )
    (repo / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    result = call("dataenvgym", "run", "tiny", cwd=repo, ok=False)
    expect_refusal(
        result,
        "reasoning-gym refuses the family 'odd'",
        "correct its 'dataset' or 'config'",
        "did not finish",
        code=1,
    )
    states = {
        row["state"]
        for row in json.loads(call("dataenvgym", "status", "--json", cwd=repo).stdout)["stages"]
    }
    assert "failed" in states


def test_a_split_larger_than_its_source_fails_with_a_remedy(repo: Path) -> None:
    (repo / "specs" / "tiny.yaml").write_text(
        TINY.replace(
            "test: {from: problems, draw: {per_group: 6}}",
            "test: {from: problems, draw: {per_group: 40}}",
        ),
        encoding="utf-8",
    )
    call("dataenvgym", "compile", cwd=repo)
    (stage,) = [
        path.parent
        for path in repo.glob("store/data-*/stage.json")
        if '"role": "test"' in path.read_text(encoding="utf-8")
    ]
    expect_refusal(
        call("dataenvgym", "stage", cwd=stage, ok=False),
        "distinct items for 'test', which asks for 40",
        "draw at most",
        code=1,
    )


def test_a_second_run_beside_the_first_is_told(repo: Path) -> None:
    first = subprocess.Popen(
        ["dataenvgym", "run", "tiny"],
        cwd=repo,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        running = ".dataenvgym/locks/student-*.lock"
        wait_until(lambda: any(repo.glob(running)), "the student is being made", first)
        # Frozen, it stays in this stage however long the others take.
        os.killpg(first.pid, signal.SIGSTOP)
        expect_refusal(
            call("dataenvgym", "run", "tiny", cwd=repo, ok=False),
            "another 'dataenvgym run' is at work",
            "status",
        )
        beside = call("dvc", "repro", "tiny", cwd=repo, ok=False)
        assert beside.returncode != 0
        assert "Traceback" not in beside.stderr
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()


def test_a_missing_extra_names_the_pip_line(repo: Path) -> None:
    call("dataenvgym", "compile", cwd=repo)
    stage = next(repo.glob("store/data-*"))
    code = "import importlib.util as u, sys; find = u.find_spec; u.find_spec = lambda name, *a: None if name == 'reasoning_gym' else find(name, *a)\n"
    code += "sys.argv = ['dataenvgym', 'stage']; from dataenvgym_spec.cli.main import main; main()"
    import sys

    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=stage,
        env=environment(shared=False),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "pip install 'dataenvgym-spec[math]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_graphs_for_people_and_programs(repo: Path) -> None:
    stages = json.loads(
        call("dataenvgym", "graph", "specs/tiny.yaml", "--format", "json", cwd=repo).stdout
    )["stages"]
    keys = {stage["key"] for stage in stages}
    assert all(
        {"key", "kind", "iteration", "arms", "seeds", "inputs"} <= set(stage)
        and set(stage["inputs"]) <= keys
        for stage in stages
    )
    assert sum(stage["kind"] == "train" for stage in stages) == 4
    mermaid = call("dataenvgym", "graph", "tiny", cwd=repo).stdout
    assert mermaid.startswith("flowchart LR")
    assert "subgraph no-state" in mermaid
    dot = call("dataenvgym", "graph", "tiny", "--format", "dot", cwd=repo).stdout
    assert dot.count(" -> ") >= sum(len(stage["inputs"]) for stage in stages)


def test_show_prints_each_arm(repo: Path) -> None:
    content = yaml.safe_load(call("dataenvgym", "show", "tiny", cwd=repo).stdout)
    assert content["agent"]["observe"]["errors"] == 1
    assert content["arms"] == {"with-state": {}, "no-state": {"agent": {"observe": "nothing"}}}
    expect_refusal(
        call("dataenvgym", "show", "tiny", "--arm", "nostate", cwd=repo, ok=False),
        "did you mean 'no-state'?",
    )


def test_the_port_of_the_ui_is_checked(copy_of_finished: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        expect_refusal(
            call("dataenvgym", "ui", "--port", str(port), cwd=copy_of_finished, ok=False),
            str(port),
            "--port",
        )


def test_doctor_sets_a_repository_up_once(tmp_path: Path) -> None:
    first = json.loads(call("dataenvgym", "doctor", "--fix", "--json", cwd=tmp_path).stdout)
    assert {
        "git init",
        "dvc init",
        "git merge drivers for dvc.lock and what compile writes",
    } <= set(first["fixed"])
    assert (
        json.loads(call("dataenvgym", "doctor", "--fix", "--json", cwd=tmp_path).stdout)["fixed"]
        == []
    )
    assert "/store/*/out" in (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/.dataenvgym/" in (tmp_path / ".dvcignore").read_text(encoding="utf-8").splitlines()


def test_an_interrupted_run_says_how_to_go_on(repo: Path) -> None:
    said = interrupt_run(repo, ".dataenvgym/scratch/student-*/*/examples.jsonl")
    assert "the same command goes on from here" in said
    assert "failed to reproduce" not in said


def test_one_spec_named_twice_is_one_spec(repo: Path) -> None:
    """By two spellings of its path, and by the experiment's name."""
    for again in ("tiny", "./specs/tiny.yaml", str(repo / "specs" / "tiny.yaml")):
        said = call("dataenvgym", "validate", "specs/tiny.yaml", again, cwd=repo).stdout
        assert said == "1 experiment valid: tiny\n"


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_name_that_is_too_long_for_a_file_names_none(letter: str, repo: Path) -> None:
    said = call("dataenvgym", "validate", letter * 200, cwd=repo, ok=False)
    expect_refusal(said, "there is no experiment")


def test_show_of_an_arm_leaves_out_the_points_of_a_sweep_that_do_not_have_it(repo: Path) -> None:
    spec = repo / "specs" / "tiny.yaml"
    matrix = "matrix: {arms.no-state: [null, {agent: {observe: nothing}}]}\n"
    one_arm = TINY.partition("analysis:")[0] + matrix
    spec.write_text(one_arm, encoding="utf-8")
    said = call("dataenvgym", "show", "tiny", "--arm", "no-state", "--json", cwd=repo).stdout
    assert json.loads(said)["agent"]["observe"] == "nothing"


def test_status_of_a_failure_without_a_reason(repo: Path) -> None:
    """A full disk leaves an empty file."""
    call("dataenvgym", "compile", cwd=repo)
    stage = next(repo.glob("store/select-*"))
    trace = repo / ".dataenvgym" / "scratch" / stage.name / "failure.txt"
    trace.parent.mkdir(parents=True)
    trace.touch()
    assert "no reason was recorded" in call("dataenvgym", "status", "tiny", cwd=repo).stdout


def test_a_file_of_the_user_beside_the_indexes_is_no_experiment(repo: Path) -> None:
    call("dataenvgym", "compile", cwd=repo)
    (repo / "experiments" / "notes.json").write_text("{}", encoding="utf-8")
    rows = json.loads(call("dataenvgym", "status", "--json", cwd=repo).stdout)["stages"]
    assert {row["experiment"] for row in rows} == {"tiny"}


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs mount namespaces")
@pytest.mark.parametrize(
    ("mount", "remedy"),
    [
        ("mount --bind -o ro . . && cd $PWD", "read-only"),
        (
            "mkdir /mnt/full && mount -t tmpfs -o size=4m none /mnt/full && cp -r . /mnt/full && "
            "cd /mnt/full && { cat /dev/zero > filling || true; }",
            "free some space",
        ),
    ],
)
def test_a_file_system_that_refuses_is_told_as_such(mount: str, remedy: str, repo: Path) -> None:
    """A repository that is read-only, and a disk that is full: no fault of ours, and nothing stays."""
    (repo / "store").mkdir()
    line = f"{mount} && {{ dataenvgym compile; code=$?; ls -A store specs; exit $code; }}"
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /mnt && {line}"],
        cwd=repo,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in result.stderr or "permission denied" in result.stderr:
        pytest.skip("this user may not mount")
    assert result.returncode == 1, result.stderr
    assert "internal error" not in result.stderr
    assert remedy in result.stderr
    assert not [line for line in result.stdout.splitlines() if line.startswith(".")]


def test_before_the_first_compile_the_remedy_is_to_compile(repo: Path) -> None:
    for command in ("report", "status"):
        said = call("dataenvgym", command, "tiny", cwd=repo, ok=False)
        expect_refusal(said, "there is no compiled experiment 'tiny'", "= help: run: dataenvgym")
        assert "allowed here" not in said.stderr


def test_a_plan_of_several_seeds_names_the_seed(repo: Path) -> None:
    spec = TINY.replace("iterations: 2", "iterations: 1") + "seeds: {run: [0, 1]}\n"
    (repo / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    lines = call("dataenvgym", "plan", "tiny", "--all", cwd=repo).stdout.splitlines()
    headings = [line for line in lines if ", iteration " in line[:30]]
    assert len(headings) == len(set(headings))
    assert any("seed 1" in line for line in headings)


def test_a_long_plan_is_gathered_and_all_lists_it(repo: Path) -> None:
    spec = TINY + "seeds: {run: [0, 1, 2]}\n"
    (repo / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    said = call("dataenvgym", "plan", "tiny", cwd=repo).stdout
    assert len(said.splitlines()) < 40
    (line,) = [line for line in said.splitlines() if line.split()[2:4] == ["x", "train"]]
    whole = call("dataenvgym", "plan", "tiny", "--all", cwd=repo).stdout
    trainings = [line for line in whole.splitlines() if line.split()[:2] == ["run", "train"]]
    assert line.split()[:2] == ["run", str(len(trainings))]
    assert "dataenvgym plan tiny --all" in said
    matrix = "matrix: {student.train.learning_rate: [1e-3, 2e-3]}\n"
    (repo / "specs" / "tiny.yaml").write_text(TINY + matrix, encoding="utf-8")
    points = call("dataenvgym", "plan", "tiny", cwd=repo).stdout.splitlines()
    assert [line.startswith("tiny-learning_rate-") for line in points[:2]] == [True, True]
    # The stages of all points are gathered once, below the sums of each.
    assert sum(line.split()[2:4] == ["x", "train"] for line in points) == 1
    assert any(line.startswith("in all 2 experiments") for line in points[:5])
