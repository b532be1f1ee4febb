"""A study that travels as one file: the same keys, nothing executed, the same report; or its responses, replayed."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.store.layout import Layout
from tests.fuzz.bundles import PAGE, fuzz_bundles, judge_bundle, seed_bundle
from tests.fuzz.judge import ENDLESS, Tally
from tests.support.bundles import bundled, md5, parts_of
from tests.support.components import Install
from tests.support.desks import counted
from tests.support.repositories import ROOT, call, environment, new_repo
from tests.support.specs import SMALL, tiny


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The environment of another person: another home, another journal, no git configuration."""
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "DATAENVGYM_JOURNAL": str(home), "XDG_CONFIG_HOME": str(home)}


def pages(repo: Path) -> dict[str, bytes]:
    """The files of the report."""
    folder = repo / "reports" / "tiny"
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_report_elsewhere_and_nothing_executed(
    finished: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    bundle = bundled(finished, tmp_path / "tiny.gz", "results,students,journal")
    command = ("dataenvgym", "open", str(bundle), "--into", "there", "--json")
    record = json.loads(call(*command, cwd=tmp_path, **elsewhere).stdout)
    assert record["same_keys"] and record["to_run"] == {"tiny": 0}
    there = tmp_path / "there"
    out = call("dvc", "repro", "tiny", cwd=there, **elsewhere).stdout
    # Of a bundle no page is opened: the report is made there, of what the stages have written.
    assert re.findall("Running stage '(.*)'", out) == ["tiny"] and "is cached" in out
    assert pages(there) == pages(finished) and len(pages(there)) > 5
    said = [
        call("dataenvgym", "report", "tiny", cwd=repo, **elsewhere).stdout
        for repo in (finished, there)
    ]
    assert said[0] == said[1] and "with-state" in said[0]


def test_the_same_report_without_the_students(finished: Path, tmp_path: Path) -> None:
    script = str(ROOT / "benchmarks" / "elsewhere.py")
    said = call(sys.executable, script, "tiny", "--repo", str(finished), cwd=tmp_path).stdout
    first, second = said.splitlines()
    assert first.startswith("42 stages, a bundle of ")
    match = "tiny: 0 stages executed beside the report, 0 of the report's [0-9]+ files differ"
    assert re.fullmatch(match, second)


@pytest.mark.slow
def test_the_same_report_by_an_installed_wheel(
    finished: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    """Another team's environment: this package from its wheel, what a report needs, and nothing else."""
    call("uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    call("uv", "venv", "--quiet", str(tmp_path / "venv"), cwd=tmp_path)
    own = {**environment(shared=False), **elsewhere, "VIRTUAL_ENV": str(tmp_path / "venv")}
    own.pop("PYTHONPATH", None)
    own["PATH"] = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    install = ["uv", "pip", "install", "--quiet", "--constraints", str(ROOT / "constraints.txt")]
    bundle = bundled(finished, tmp_path / "tiny.gz", "results,students")
    there = tmp_path / "there"

    def run(*command: str, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            command, cwd=cwd, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    run(*install, f"{wheel}[report]")
    where = run("python", "-c", "import dataenvgym_spec as package; print(package.__file__)")
    assert where.startswith(str(tmp_path / "venv"))
    run("dataenvgym", "open", str(bundle), "--into", str(there))
    assert re.findall("Running stage '(.*)'", run("dvc", "repro", "tiny", cwd=there)) == ["tiny"]
    assert pages(there) == pages(finished)


@pytest.fixture
def counts(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is counted what a teacher is asked by an engine."""
    return counted(install, monkeypatch, tmp_path)


def generate(repo: Path) -> str:
    """Runs a stage that asks a teacher, on a plan of its own; its candidates."""
    layout = Layout(root=repo)
    # The one that reads a plan alone: no refill.
    generates = sorted(layout.store.glob("generate-*/stage.json"))
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in generates]
    content, path = min(
        zip(contents, generates, strict=True), key=lambda pair: len(pair[0]["inputs"])
    )
    directory = path.parent.name
    for _, key, port in content["inputs"]:
        (stage,) = layout.store.glob(f"*-{key[:16]}")
        (stage / "out" / port).mkdir(parents=True, exist_ok=True)
        if port == "plan":
            plan = Plan(allocation={"sum": 5}, reasons={}, errors={}, iteration=1)
            write_json(stage / "out" / port / "plan.json", plan)
    run_stage(layout, directory)
    (candidates,) = layout.stage(directory).glob("out/candidates/*.jsonl")
    return candidates.read_text(encoding="utf-8")


def test_where_the_journal_is_nobody_is_asked(
    counts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec: dict[str, Any] = {
        "teachers": {"writer": {"kind": "counting", "counts": str(counts)}},
        "agent": {"engine": {"kind": "asking", "teacher": "writer", "oversample": None}},
    }
    here = new_repo(tmp_path / "here", tiny(**spec))
    call("dataenvgym", "compile", cwd=here)
    ours, theirs = {"DATAENVGYM_JOURNAL": str(tmp_path / "ours")}, str(tmp_path / "theirs")
    monkeypatch.setenv("DATAENVGYM_JOURNAL", ours["DATAENVGYM_JOURNAL"])
    made = generate(here)
    asked = counts.read_text(encoding="utf-8")
    assert asked
    said = call(
        "dataenvgym", "bundle", "tiny", "--with", "journal", "-o", "../b.gz", cwd=here, **ours
    ).stdout
    assert "the package pytest" in said and "install it: pip install pytest" in said
    assert parts_of(tmp_path / "b.gz").manifest["journal"]["responses"] >= 5
    said = call("dataenvgym", "open", "b.gz", "--into", "there", cwd=tmp_path).stdout
    imports = "dataenvgym journal import .dataenvgym/opened/tiny.jsonl"
    assert imports in said and "run tiny --replay" in said
    there = tmp_path / "there"
    call(*imports.split(), cwd=there, DATAENVGYM_JOURNAL=theirs)
    monkeypatch.setenv("DATAENVGYM_JOURNAL", theirs)
    monkeypatch.setenv("DATAENVGYM_REPLAY", "1")
    assert generate(there) == made
    assert counts.read_text(encoding="utf-8") == asked


@pytest.mark.slow
def test_a_bundle_of_one_clone_is_the_other_ones(
    finished: Path, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    """Opened, run without the students, and bundled again: whatever is deterministic has the same bytes."""
    bundle = bundled(finished, tmp_path / "tiny.gz", "results")
    call("dataenvgym", "open", str(bundle), "--into", "there", cwd=tmp_path, **elsewhere)
    there = tmp_path / "there"
    call("dvc", "repro", "tiny", cwd=there, timeout=900, **elsewhere)
    again = bundled(there, tmp_path / "again.gz", "results,students")
    ours = parts_of(bundled(finished, tmp_path / "whole.gz", "results,students")).manifest
    theirs = parts_of(again).manifest
    assert ours["stages"] and len(ours["stages"]) == len(theirs["stages"])
    for mine, other in zip(ours["stages"], theirs["stages"], strict=True):
        results = [
            {row["path"]: row["md5"] for row in stage["lock"]["outs"] if row["path"] != "log"}
            for stage in (mine, other)
        ]
        assert results[0] == results[1], mine["directory"]


def test_a_short_run_of_the_fuzzer_of_bundles_finds_nothing() -> None:
    said: list[str] = []
    tally = fuzz_bundles(60, seed=int(os.environ.get("FUZZ_SEED", "3")), say=said.append)
    assert not tally.findings, said
    assert tally.exits["open 0"] > 2 and tally.exits["open 2"] > 20


def test_the_fuzzer_of_bundles_notices_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is gone lets files out of their folder, or a traceback: each is a finding."""

    def found(name: str, instead: object) -> str:
        said: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(name, instead)
            fuzz_bundles(25, seed=3, say=said.append)
        return "\n".join(said)

    assert "exit code 1" in found("dataenvgym_spec.cli.opening.fit", lambda *_: 1 / 0)
    unchecked = "dataenvgym_spec.store.bundle.checks.own_fault"
    assert found(unchecked, lambda _path: "")


@pytest.mark.parametrize("planted", ["in the cache", "as a report", "in tracking"])
def test_the_fuzzer_of_bundles_notices_a_page_of_a_stranger(
    planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, _ = seed_bundle(tmp_path)
    everything = {row["md5"] for row in parts.manifest["objects"]}
    match planted:
        case "in the cache":
            parts.object(md5(PAGE), PAGE)
            everything.add(md5(PAGE))
        case "as a report":
            parts.file("reports/tiny/index.html", PAGE, code=True)
        case _:
            parts.file("mlflow.db", PAGE, code=True)
    data = parts.write(tmp_path / "b.gz").read_bytes()
    ready = new_repo(tmp_path / "ready", SMALL)
    shutil.rmtree(ready / "specs")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def problem() -> str:
        return judge_bundle(data, Path.cwd(), ready, Tally(limit=ENDLESS), random.Random(1))

    assert problem() == ""
    monkeypatch.setattr("dataenvgym_spec.store.bundle.checks.own_fault", lambda _path: "")
    objects = "dataenvgym_spec.store.bundle.workshop.Goods._objects"
    monkeypatch.setattr(objects, lambda _goods, _results: everything)
    assert problem() in (
        "a page of a stranger in DVC's cache",
        "a file that belongs to whoever opened it",
    )
