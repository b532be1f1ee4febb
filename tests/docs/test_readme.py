"""What the README shows is executed, and what it lists is there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dataenvgym_spec.cli.commands import COMMANDS
from dataenvgym_spec.compile.compiler import front_end, lower
from tests.support.pages import blocks
from tests.support.repositories import ROOT, call, environment, shell

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS_PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
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
    assert (
        "Running stage"
        not in call(str(repo / ".venv" / "bin" / "dvc"), "repro", "quickstart", cwd=repo).stdout
    )
    assert (repo / "reports" / "quickstart" / "index.html").stat().st_size > 20_000
    assert not call(program, "track", "--verify", cwd=repo, ok=False).returncode
