"""The diagnostics catalogue: every code has a page, a fixture that provokes it and a snapshot of what is said.

A fixture is a folder `tests/diagnostics/<CODE>` or `<CODE>-<case>`: `spec.yaml` and what lies beside it go to `specs/` of a
repository that has the small spec as `specs/base.yaml`, where `spec.yaml` is called `tiny.yaml`. A file `command` holds other
arguments than `validate specs/tiny.yaml`; a folder `site` is an installed package. `UPDATE_SNAPSHOTS=1` writes the snapshots
and the index anew.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dataenvgym_spec.cli.main import main
from dataenvgym_spec.core.errors import CODES
from dataenvgym_spec.language import catalogue
from tests.support.repositories import ROOT, call, environment, new_repo
from tests.support.specs import TINY

FIXTURES = sorted(path for path in (ROOT / "tests" / "diagnostics").iterdir() if path.is_dir())
PAGES = ROOT / "docs" / "diagnostics"
OWN = {"command", "site", "expected.txt"}
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"


def page(code: str) -> catalogue.Page:
    return catalogue.page(code)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the small spec as `base.yaml`. Not to be changed; copy it."""
    repo = new_repo(tmp_path_factory.mktemp("catalogue") / "repo")
    (repo / "specs" / "tiny.yaml").rename(repo / "specs" / "base.yaml")
    return repo


def said(
    fixture: Path,
    empty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """What the command line says about a fixture."""
    repo = shutil.copytree(empty, tmp_path / "repo", symlinks=True)
    shutil.copytree(
        fixture,
        repo / "specs",
        dirs_exist_ok=True,
        ignore=lambda folder, names: OWN & set(names) if Path(folder) == fixture else set(),
    )
    (repo / "specs" / "spec.yaml").rename(repo / "specs" / "tiny.yaml")
    command = (
        (fixture / "command").read_text(encoding="utf-8").split()
        if (fixture / "command").exists()
        else ["validate", "specs/tiny.yaml"]
    )
    if (fixture / "site").exists():
        paths = os.pathsep.join([str(fixture / "site"), str(ROOT)])
        result = call("dataenvgym", *command, cwd=repo, ok=False, PYTHONPATH=paths)
        return result.stderr + result.stdout
    monkeypatch.chdir(repo)
    monkeypatch.setattr(sys, "argv", ["dataenvgym", *command])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert ended.value.code == (2 if re.search(r"^error|: error\[", told.err, re.M) else 0)
    return told.err + told.out


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_what_is_said_is_the_snapshot(
    fixture: Path,
    empty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = said(fixture, empty, tmp_path, monkeypatch, capsys)
    snapshot = fixture / "expected.txt"
    if UPDATE:
        snapshot.write_text(text, encoding="utf-8")
    assert text == snapshot.read_text(encoding="utf-8")
    assert f"[{fixture.name[:4]}]" in text


def test_every_code_has_a_fixture_and_no_fixture_lacks_a_code() -> None:
    assert {path.name[:4] for path in FIXTURES} == set(CODES)


def test_every_code_has_a_page_and_no_page_lacks_a_code() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_has_its_headings_and_says_what_the_code_says(code: str) -> None:
    text = page(code).text
    assert text.splitlines()[0] == f"# {code}: {CODES[code]}"
    assert re.findall(r"^## (.*)$", text, re.M) == list(catalogue.SECTIONS)
    assert all(section.strip() for section in page(code).sections.values())
    assert text.count("```yaml") == text.count("```text") == 1


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_page_is_a_fixture_and_what_is_said_about_it(code: str) -> None:
    wrong, message = page(code).block("yaml"), page(code).block("text")
    fixtures = [path for path in FIXTURES if path.name[:4] == code]
    shown = [
        path for path in fixtures if message in (path / "expected.txt").read_text(encoding="utf-8")
    ]
    assert shown, f"no snapshot says:\n{message}"
    lines = [
        line
        for path in shown
        for file in path.rglob("*.yaml")
        for line in file.read_bytes().decode("utf-8" if code != "E001" else "latin-1").split("\n")
    ]
    assert f"[{code}]" in message
    assert wrong.strip()
    assert [line for line in wrong.splitlines() if line not in lines] == []


def test_every_code_is_raised_somewhere() -> None:
    sources = [
        path for path in (ROOT / "dataenvgym_spec").rglob("*.py") if path.name != "errors.py"
    ]
    raised = {
        code
        for path in sources
        for code in re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert raised == set(CODES)


def test_the_index_lists_all_codes() -> None:
    if UPDATE:
        (PAGES / "README.md").write_text(catalogue.index(), encoding="utf-8")
    assert (PAGES / "README.md").read_text(encoding="utf-8") == catalogue.index()


# --- explain ----------------------------------------------------------------------------------------------------------


def test_explain_prints_a_page(tmp_path: Path) -> None:
    text = (PAGES / "E102.md").read_text(encoding="utf-8")
    assert call("dataenvgym", "explain", "e102", cwd=tmp_path).stdout == text
    content = json.loads(call("dataenvgym", "explain", "E102", "--json", cwd=tmp_path).stdout)
    assert content["code"] == "E102"
    assert content["title"] == CODES["E102"]
    assert {"what", "why", "example", "cure"} <= set(content)
    assert content["text"] in (ROOT / "tests" / "diagnostics" / "E102" / "expected.txt").read_text(
        encoding="utf-8"
    )


def test_explain_lays_a_page_out_in_a_terminal(tmp_path: Path) -> None:
    import pty

    lead, end = pty.openpty()
    try:
        process = subprocess.Popen(
            ["dataenvgym", "explain", "E102"],
            stdout=end,
            stderr=end,
            cwd=tmp_path,
            env=environment(TERM="xterm"),
        )
        os.close(end)
        text = b""
        while part := _read(lead):
            text += part
        assert process.wait(timeout=30) == 0
    finally:
        os.close(lead)
    shown = text.decode()
    assert "## What" not in shown
    assert "What" in shown
    assert "\x1b[" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux: the other end is closed
        return b""


def test_explain_of_a_code_that_is_none(tmp_path: Path) -> None:
    result = call("dataenvgym", "explain", "E192", cwd=tmp_path, ok=False)
    assert result.returncode == 2
    assert "there is no diagnostic 'E192'" in result.stderr
    assert "did you mean" in result.stderr


def test_an_installed_package_brings_the_pages(tmp_path: Path) -> None:
    """Builds the wheel and asks the package in it, without the repository around."""
    call("uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import sys; sys.argv = ['dataenvgym', 'explain', 'E102']; from dataenvgym_spec.cli.main import main; main()"
    result = call(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert result.stdout == (PAGES / "E102.md").read_text(encoding="utf-8")
    code = "import dataenvgym_spec.language.catalogue as c; print(c.__file__, *(c.page(code).code for code in c.CODES))"
    told = call(
        sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site")
    ).stdout.split()
    assert told == [
        str(tmp_path / "site" / "dataenvgym_spec" / "language" / "catalogue.py"),
        *CODES,
    ]


def test_the_fixtures_differ_from_a_spec_that_has_no_finding(empty: Path) -> None:
    assert (empty / "specs" / "base.yaml").read_text(encoding="utf-8") == TINY
    assert call("dataenvgym", "validate", "specs/base.yaml", cwd=empty).stderr == ""
