"""What the README shows is executed, and what it lists is there."""

import os
import re
import shutil
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec import load
from dataenvgym_spec.cli.commands import COMMANDS
from dataenvgym_spec.compile.compiler import front_end, lower
from tests.support.pages import BLOCK, blocks
from tests.support.repositories import ROOT, call, environment, shell
from tests.support.shipped import Shipped

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS_PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[[^\]]+\]: ")
SHOWN = [
    line
    for block in re.findall(r"```console\n(.*?)```", README, re.S)
    for line in block.splitlines()
]


def test_every_shown_command_runs(copy_of_finished: Path) -> None:
    (copy_of_finished / ".venv" / "bin").mkdir(parents=True)
    (copy_of_finished / ".venv" / "bin" / "activate").touch()
    (copy_of_finished.parent / "storage").mkdir()
    ran = 0
    for line in SHOWN:
        if line.startswith("make "):
            # `make quickstart` takes minutes and is run by a slow test; here the target must be known to make.
            subprocess.run(
                ["make", "-n", *line.split()[1:]], cwd=ROOT, check=True, capture_output=True
            )
            continue
        shell(line.replace("quickstart", "tiny"), cwd=copy_of_finished)
        ran += 1
    assert ran >= 4


def test_the_two_commands_come_first() -> None:
    assert SHOWN[:2] == ["make quickstart", "make test"]


def test_the_table_lists_every_command_and_no_other() -> None:
    assert set(re.findall(r"^\| `dataenvgym ([a-z]+)", COMMANDS_PAGE, re.M)) == set(COMMANDS)


def test_lines_are_no_wider_than_a_screen() -> None:
    assert [line for line in README.splitlines() if len(line) > 100] == []


def test_it_asks_its_question_first_and_shows_the_report_and_mlflow() -> None:
    opening = " ".join("\n".join(README.splitlines()[:6]).split())
    assert "Does watching help, and how sure is that?" in opening
    shown = re.findall(r"!\[[^\]]+\]\[(\w+)\]", README)
    places = dict(re.findall(r"^\[(\w+)\]: (docs/pictures/\S+)$", README, re.M))
    pictures = [places[name] for name in shown]
    assert pictures == ["docs/pictures/report.png", "docs/pictures/mlflow.png"]
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG\r\n")


def test_it_can_be_cited_and_its_license_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0" and cited["message"] and cited["authors"]
    assert cited["title"].startswith(project["name"])
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    for author in (
        *cited["authors"],
        *(one for work in cited["references"] for one in work["authors"]),
    ):
        assert author.get("name") or (author["family-names"] and author["given-names"])
    # YAML makes a date of a release that is in the form which is required.
    assert isinstance(cited.get("date-released", date.today()), date)
    assert project["license-files"] == ["LICENSE"] and project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]


def test_it_is_read_in_two_minutes() -> None:
    """Its prose at some 250 words a minute, with two pictures and a spec to look at."""
    lines = BLOCK.sub("", README).splitlines()
    targets = re.compile(r"\]\([^)]*\)|\]\[[^\]]*\]")
    prose = targets.sub("]", "\n".join(line for line in lines if not LINK.match(line)))
    assert 300 <= len(re.findall(r"\S*\w\S*", prose)) <= 520
    # Of a `<picture>` with a light and a dark variant, one is shown.
    assert len(re.findall(r"!\[|<img", README)) == 2


def test_its_spec_has_twenty_lines() -> None:
    (shown,) = [text for language, text in blocks(ROOT / "README.md") if language == "yaml"]
    assert 10 <= len(shown.splitlines()) <= 20


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("what goes in", r"`specs/` \| goes in"),
        ("what comes out", r"`reports/<name>/`.* comes out"),
        ("where everything lives", r"## Where everything lives"),
        (
            "how one machine is left",
            r"To leave one machine: `dataenvgym run NAME --jobs auto`[^`]*`--on ray[^`]*`[^`]*`--on slurm`",
        ),
        ("what the study found", r"`make study`.*\n.*\[finds \+11\.0\s+points\]"),
        ("what the null study found", r"null study.*finds nothing"),
    ],
)
def test_it_answers(question: str, said: str) -> None:
    assert re.search(said, README), question


def test_its_figures_are_those_of_the_pages() -> None:
    said = " ".join(README.split())
    study = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    (contrast,) = re.findall(r"^\| `blind` \(primary\) .*\| (\S+) \((.*?)\) \|", study, re.M)
    (floor,) = re.findall(r"^\| noise floor of a mean over three runs \| (\S+) points", study, re.M)
    gain, interval = contrast
    assert f"[finds {gain} points]" in said
    assert f"(95% interval {interval}, noise floor {floor})" in said
    quickstart = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    figures = re.findall(r"[\d.]+%", said.partition("300 sealed items")[2].partition("`make")[0])
    assert len(figures) == 3
    assert [figure for figure in figures if figure not in quickstart] == []


def test_the_parts_of_the_quickstart_are_what_it_says(tmp_path: Path) -> None:
    """Laid over the quickstart they change nothing: the stages are the same."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (shown,) = [text for language, text in blocks(ROOT / "README.md") if language == "yaml"]
    (tmp_path / "specs" / "parts.yaml").write_text(shown, encoding="utf-8")
    keys = []
    for name in ("quickstart", "parts"):
        found = front_end([tmp_path / "specs" / f"{name}.yaml"], root=tmp_path)
        keys.append({stage.id for stage in lower(found).graph.stages if stage.kind != "report"})
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    "path",
    sorted(set(re.findall(r"`((?:dataenvgym_spec|specs|schemas|benchmarks)/[\w./]+)`", README))),
)
def test_named_files_are_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_variables_that_are_listed_are_read() -> None:
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "dataenvgym_spec").rglob("*.py")
    )
    for name in re.findall(r"`(DATAENVGYM_[A-Z_]+)", COMMANDS_PAGE):
        assert name in code


@pytest.mark.slow
def test_make_quickstart_in_a_fresh_clone(tmp_path: Path) -> None:
    """The student of the state-following arm beats its base on the sealed test with intervals that do not overlap."""
    import json

    repo = tmp_path / "clone"
    call("git", "clone", "-q", str(ROOT), str(repo), cwd=tmp_path)
    subprocess.run(
        ["make", "quickstart"],
        cwd=repo,
        env=environment(DATAENVGYM_TRACK="1"),
        check=True,
        timeout=2400,
    )
    program = str(repo / ".venv" / "bin" / "dataenvgym")
    rows = {
        (row["arm"], row["student"]): row
        for row in json.loads(call(program, "report", "quickstart", "--json", cwd=repo).stdout)
    }
    assert rows["with-state", "best"]["ci_low"] > rows["with-state", "base"]["ci_high"]
    found = Shipped.of(load("quickstart", root=repo), "best")
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        found.write("quickstart")
    # Students of other machines are others.
    assert found.keys == Shipped.read("quickstart").keys
    assert (
        "Running stage"
        not in call(str(repo / ".venv" / "bin" / "dvc"), "repro", "quickstart", cwd=repo).stdout
    )
    assert (repo / "reports" / "quickstart" / "index.html").stat().st_size > 20_000
    assert not call(program, "track", "--verify", cwd=repo, ok=False).returncode
