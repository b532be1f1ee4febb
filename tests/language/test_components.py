"""Components of packages, built and installed as a user would: known like built-in ones, read without being imported."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.results.experiment import load
from tests.support.packages import install, path_with
from tests.support.repositories import call, new_repo
from tests.support.specs import TINY

GREEDY = TINY.replace(
    "policy: {kind: allocate, power: 1.0, floor: 0.2}", "policy: {kind: greedy, top: 2}"
).replace("overlap: {action: reject}}", "overlap: {action: reject}, short: {}}")
Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("packages") / "installed", "greedy", "watcher")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_repo(tmp_path_factory.mktemp("project") / "repo", GREEDY)


@pytest.fixture
def user(project: Path, target: Path, tmp_path: Path) -> Call:
    """The command line in the project, in an environment with the packages; leaves a trace where one is imported."""

    def run(
        *arguments: str, spec: str = GREEDY, packages: Path = target
    ) -> subprocess.CompletedProcess[str]:
        (project / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
        return call(
            "dataenvgym",
            *arguments,
            cwd=project,
            ok=False,
            PYTHONPATH=path_with(packages),
            GREEDY_TRACE=str(tmp_path / "imported"),
        )

    return run


def diagnostics(user: Call, spec: str, packages: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        user("validate", "--json", spec=spec, packages=packages).stdout
    )["diagnostics"]
    return found


def keys(project: Path) -> dict[str, set[str]]:
    """The keys of the compiled experiment, by kind of stage."""
    out: dict[str, set[str]] = {}
    for stage in load("tiny", project).stages:
        out.setdefault(stage.kind, set()).add(stage.key)
    return out


def test_no_command_that_compiles_imports_a_package(user: Call, tmp_path: Path) -> None:
    for command in (
        ["validate"],
        ["schema"],
        ["components"],
        ["show", "tiny"],
        ["explain", "tiny", "agent.policy"],
        ["compile"],
        ["plan"],
        ["graph", "tiny"],
    ):
        result = user(*command)
        assert result.returncode == 0, (command, result.stderr)
    assert not (tmp_path / "imported").exists()


def test_options_have_defaults_and_origins(user: Call) -> None:
    shown = json.loads(user("show", "tiny", "--json").stdout)
    assert shown["agent"]["policy"] == {"kind": "greedy", "top": 2, "mood": "calm"}
    assert shown["agent"]["checks"]["short"] == {"action": "reject", "characters": 2000}
    line = next(
        number for number, text in enumerate(GREEDY.split("\n"), 1) if "kind: greedy" in text
    )
    (top,) = json.loads(user("explain", "tiny", "agent.policy.top", "--json").stdout)
    assert [(said["file"], said["line"], said["effect"]) for said in top["said"]] == [
        ("specs/tiny.yaml", line, "holds")
    ]
    assert "agent.policy.mood = calm" in user("explain", "tiny", "agent.policy.mood").stdout


def test_what_editors_complete_from_knows_them(user: Call, target: Path) -> None:
    schema = json.loads(user("schema").stdout)["definitions"]
    kinds = schema["policy"]["properties"]["kind"]
    assert (
        dict(zip(kinds["enum"], kinds["enumDescriptions"], strict=True))["greedy"]
        == "Teaches the weakest skills only."
    )
    written = json.loads((target / "greedy_policy" / "greedy.json").read_text(encoding="utf-8"))
    assert schema["policy.greedy"]["description"] == written["description"]
    top = schema["policy.greedy"]["properties"]["top"]
    assert {
        **written["properties"]["top"],
        "markdownDescription": top["markdownDescription"],
    } == top
    assert (
        top["markdownDescription"]
        == "How many of the weakest skills to teach.\n\nDefault `1`, at least `1`."
    )
    assert schema["policy.greedy"]["properties"]["mood"]["enum"] == ["calm", "eager"]
    assert set(schema["check"]["properties"]) >= {"short", "unknown", "known"}
    assert schema["check.unknown"]["properties"]["action"]["default"] == "reject"


@pytest.mark.parametrize(
    ("old", "new", "code", "marked", "help"),
    [
        ("top: 2", "tpo: 2", "E102", "tpo", "did you mean 'top'?"),
        ("top: 2", "mood: wild", "E106", "wild", "allowed here: calm, eager"),
        ("top: 2", "top: 0", "E106", "0", "How many of the weakest skills to teach."),
        ("top: 2", "top: some", "E103", "some", "How many of the weakest skills to teach."),
        ("kind: greedy", "kind: gredy", "E105", "gredy", "did you mean 'greedy'?"),
        ("short: {}", "shrt: {}", "E105", "shrt", "did you mean 'short'?"),
        ("short: {}", "short: {charaters: 9}", "E102", "charaters", "did you mean 'characters'?"),
    ],
)
def test_a_wrong_option_is_told_like_one_of_ours(
    old: str, new: str, code: str, marked: str, help: str, user: Call, target: Path
) -> None:
    assert old in GREEDY
    text = GREEDY.replace(old, new)
    (found,) = diagnostics(user, text, target)
    assert (found["code"], found["help"]) == (code, help)
    assert text.split("\n")[found["line"] - 1][found["column"] - 1 :].startswith(marked)


def test_without_the_package_its_component_is_unknown(user: Call, tmp_path: Path) -> None:
    found = diagnostics(user, GREEDY, tmp_path)
    assert {(item["code"], item["message"]) for item in found} >= {
        ("E105", "unknown component 'greedy'"),
        ("E105", "unknown component 'short' in 'checks'"),
    }


def test_what_declares_no_number_is_versioned_by_its_source(
    user: Call, project: Path, target: Path, tmp_path: Path
) -> None:
    assert user("compile").returncode == 0
    before = keys(project)
    plan = next(stage.path for stage in load("tiny", project).stages if stage.kind == "plan")
    policy = json.loads((plan / "stage.json").read_text(encoding="utf-8"))["params"]["policy"]
    assert re.fullmatch("source:[0-9a-f]{16}", policy["semantics"])
    check = next(stage.path for stage in load("tiny", project).stages if stage.kind == "check")
    assert (
        json.loads((check / "stage.json").read_text(encoding="utf-8"))["params"]["checks"][-1][
            "semantics"
        ]
        == 3
    )
    other = tmp_path / "other"
    shutil.copytree(target, other)
    assert user("compile", packages=other).returncode == 0
    assert keys(project) == before  # it is the content that counts, not where it lies
    with (other / "greedy_policy" / "greedy.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert user("compile", packages=other).returncode == 0
    after = keys(project)
    assert {kind for kind in before if not before[kind] & after[kind]} >= {
        "plan",
        "generate",
        "check",
        "train",
    }
    assert {kind for kind in before if before[kind] == after[kind]} == {
        "data",
        "reserve",
        "student",
        "skills",
    }


def broken(target: Path, tmp_path: Path, change: Callable[[Path], object]) -> Path:
    """The installed packages after something happened to one of them."""
    copy = tmp_path / "broken"
    shutil.copytree(target, copy)
    change(copy)
    return copy


def renamed(old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (points,) = folder.glob("greedy_policy-*.dist-info/entry_points.txt")
        text = points.read_text(encoding="utf-8")
        assert old in text
        points.write_text(text.replace(old, new), encoding="utf-8")

    return change


def rewritten(name: str, content: str | dict[str, Any]) -> Callable[[Path], object]:
    text = (
        content
        if isinstance(content, str)
        else json.dumps({"title": "X", "description": "Y.", **content})
    )
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda folder: (folder / "greedy_policy" / "greedy.json").unlink(),
            "'policy.greedy' of 'greedy-policy' cannot be read: its definition 'greedy.json' is missing",
        ),
        (
            lambda folder: shutil.rmtree(folder / "greedy_policy"),
            "of 'greedy-policy' cannot be read: the module 'greedy_policy.short' is not installed",
        ),
        (rewritten("greedy_policy/greedy.json", "{"), "'greedy.json' is no JSON mapping"),
        (rewritten("greedy_policy/greedy.json", "[]"), "'greedy.json' is no JSON mapping"),
        (
            rewritten("greedy_policy/greedy.json", '{"title": "Greedy"}'),
            "its definition lacks 'description'",
        ),
        (
            rewritten("greedy_policy/greedy.json", {"properties": {"top": {"type": "integr"}}}),
            "'properties' of 'greedy.json' is no JSON Schema: 'integr'",
        ),
        (
            rewritten("greedy_policy/greedy.json", {"reads": "test"}),
            "'reads' cannot be \"test\" in the slot 'policy'; allowed here: pool, pool-results, student",
        ),
        (
            rewritten("watcher/engine.json", {"reads": "test"}),
            "'engine.watcher' of 'watcher' cannot be read: 'reads' cannot be \"test\" in the slot 'engine'",
        ),
        (
            renamed("policy.greedy =", "policy.allocate ="),
            "'greedy-policy' registers the policy 'allocate', which dataenvgym-spec has",
        ),
        (
            renamed("policy.greedy =", "polcy.greedy ="),
            "a component is called slot.kind, and slot is one of",
        ),
        (
            renamed("policy.greedy =", "greedy ="),
            "a component is called slot.kind, and slot is one of",
        ),
    ],
)
def test_a_broken_package_is_told_by_name(
    change: Callable[[Path], object], words: str, user: Call, target: Path, tmp_path: Path
) -> None:
    result = user("validate", packages=broken(target, tmp_path, change))
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert re.search(r"= help: .*uninstall.*(greedy-policy|watcher)", result.stderr), result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "imported").exists()


def test_components_that_read_a_student_are_no_part_of_a_blind_arm(
    user: Call, target: Path
) -> None:
    more = "policy: {kind: watcher}, engine: {kind: watcher, teacher: generator}, checks: {unknown: {}}"
    text = TINY.replace("{agent: {observe: nothing}}", f"{{agent: {{observe: nothing, {more}}}}}")
    found = diagnostics(user, text, target)
    lines = text.split("\n")
    assert {(item["code"], lines[item["line"] - 1][item["column"] - 1 :].split("}")[0].split(",")[0].split(":")[0]) for item in found} == {
        ("E301", "watcher"), ("E301", "unknown"),
    }  # fmt: skip
    assert {re.search(r"the (\w+) '(\w+)' reads a student", item["help"]).groups() for item in found} == {  # type: ignore[union-attr]
        ("policy", "watcher"), ("engine", "watcher"), ("check", "unknown"),
    }  # fmt: skip
    assert any(
        item["message"]
        == "a student reaches 'student' of plan of arm 'no-state', which observes nothing: student -> plan 1"
        for item in found
    )


def test_they_run_as_stages_of_dvc(copy_of_finished: Path, target: Path) -> None:
    """First the greedy policy, then components that are handed the student: all but their own stages is there already."""
    spec = copy_of_finished / "specs" / "tiny.yaml"
    environment = {"PYTHONPATH": path_with(target)}

    def made(text: str, kind: str) -> Any:
        spec.write_text(text, encoding="utf-8")
        call("dataenvgym", "compile", cwd=copy_of_finished, **environment)
        turn = load("tiny", copy_of_finished).runs[0].iterations[1]
        (stage, *_) = turn.of(kind)
        said = call(
            "dvc",
            "repro",
            f"store/{stage.path.name}/dvc.yaml:{kind}",
            cwd=copy_of_finished,
            **environment,
        ).stdout
        return turn, said

    turn, said = made(GREEDY.replace("top: 2", "top: 1, mood: eager"), "plan")
    assert list(turn.plan.reasons.values()) == ["among the weakest 1 (eager)"]
    assert list(turn.plan.allocation.values()) == [30]
    assert said.count("Running stage") == 1

    seeing = "with-state: {agent: {policy: {kind: watcher}, engine: {kind: watcher, teacher: generator}, checks: {unknown: {action: record}}}}"
    turn, said = made(TINY.replace("with-state: {}", seeing), "check")
    assert set(turn.plan.reasons.values()) == {"the student is 32 wide"}
    assert all(
        "config.json" in row.metadata["files"] and "model.safetensors" in row.metadata["files"]
        for row in turn.generated
    )
    answers = {
        row.id: row.correct
        for row in turn.of("evaluate")[0].rows("candidates", "results.jsonl", Result)
    }
    accepted = turn.of("check")[0].rows("accepted", "examples.jsonl", Example)
    assert accepted
    assert all(
        (row.notes == {"unknown": "the student cannot answer it yet"}) is not answers[row.id]
        for row in accepted
    )
    # What such an engine makes may come from anywhere, so the drawn items are reserved anew.
    assert said.count("Running stage") == 5
