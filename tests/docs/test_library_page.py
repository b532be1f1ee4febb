"""The pages on the library and on a cell of the paper: their commands in a repository with the specs, beside a hub; tables beside what compiles."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.roots import VARIABLE as ROOTS
from tests.support.hub import Hub, serving
from tests.support.pages import NAMED, VARY, blocks, pattern
from tests.support.published import published
from tests.support.repositories import ROOT, call

PAGE = ROOT / "docs" / "library.md"
CELL = ROOT / "docs" / "paper-cell.md"
REHEARSAL = "dataenvgym rehearse "
TEXT = PAGE.read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| \[`([\w-]+)`\]\(\.\./(specs/library/[\w/-]+\.yaml)\) \|(?: ([^|]+) \|)? (\d+) x (\d+) \| (\d+) \| (\d+) \|$",
    re.M,
)
COMMITS = {
    ("datasets", "EleutherAI/hendrycks_math", "main"): "a" * 40,
    ("models", "google/gemma-2-2b-it", "main"): "b" * 40,
    ("models", "meta-llama/Meta-Llama-3-8B-Instruct", "main"): "c" * 40,
    ("models", "google/paligemma-3b-pt-224", "main"): "d" * 40,
    ("models", "stabilityai/sdxl-turbo", "main"): "e" * 40,
}
KEYS = {
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
    "AZURE_OPENAI_API_KEY": "none",
    "OPENAI_API_KEY": "none",
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with serving(COMMITS) as server:
        yield server


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[Path]:
    """A repository with the specs of this one, in which every command of the pages was run, less a rehearsal."""
    folder = tmp_path_factory.mktemp("library")
    with patch.dict(os.environ, {ROOTS: f"data={published(folder / 'data')}"}):
        yield made(folder, hub)


def made(folder: Path, hub: Hub) -> Path:
    repo = folder / "repo"
    (repo / ".dvc").mkdir(parents=True)
    shutil.copytree(ROOT / "specs", repo / "specs")
    said = ""
    for language, text in (*blocks(PAGE), *blocks(CELL)):
        if language == "yaml":
            named = NAMED["yaml"].match(text)
            assert named
            (repo / named[1]).write_text(text[named.end() :], encoding="utf-8")
        elif language == "console":
            for line in text.splitlines():
                if line.startswith(REHEARSAL):
                    continue
                reach = hub.reach(folder / "home") | KEYS | {ROOTS: os.environ[ROOTS]}
                said = call(*shlex.split(line), cwd=repo, **reach).stdout
        else:
            assert f"{VARY}```text\n{text}" in TEXT
            assert re.fullmatch(pattern(text, vary=True), said), said
    return repo


def test_every_spec_of_the_library_has_a_row() -> None:
    whole = [*(ROOT / "specs" / "library").glob("*.yaml")]
    whole += (ROOT / "specs" / "library" / "paper").glob("*.yaml")
    rows = Counter(row[1] for row in ROW.findall(TEXT))
    assert rows == Counter(path.relative_to(ROOT).as_posix() for path in whole)


@pytest.mark.parametrize("row", ROW.findall(TEXT), ids=lambda row: row[0])
def test_a_row_says_what_compiles(row: tuple[str, ...], repo: Path) -> None:
    name, file, asks, arms, runs, stages, trainings = row
    compiled = lower(front_end([repo / file], root=repo))
    (spec,) = compiled.specs
    experiment = spec.arms[0].experiment
    seeds = experiment.seeds.run
    kinds = Counter(stage.kind for stage in compiled.graph.stages)
    said = (
        len(spec.arms),
        len(seeds) if isinstance(seeds, list) else 1,
        len(compiled.graph.stages),
        kinds["train"],
    )
    assert tuple(map(int, (arms, runs, stages, trainings))) == said, name
    assert asks in ("", experiment.description)


def test_labels_of_the_test_leave_what_teaches_alone(repo: Path) -> None:
    cell, labelled = (
        lower(front_end([repo / "specs" / f"{name}.yaml"], root=repo)).graph.stages
        for name in ("library/paper/math-skill-list-corrected", "labelled")
    )
    new = {stage.kind for stage in labelled} - {stage.kind for stage in cell}
    assert new == {"label"}
    keys = [
        {stage.id for stage in stages if stage.kind not in ("label", "report")}
        for stages in (cell, labelled)
    ]
    assert keys[0] == keys[1]


@pytest.mark.slow
def test_the_cell_is_rehearsed_as_its_page_says(repo: Path) -> None:
    (command,) = [
        line
        for language, text in blocks(CELL)
        if language == "console"
        for line in text.splitlines()
        if line.startswith(REHEARSAL)
    ]
    done = call(*shlex.split(command), cwd=repo, apart=True, timeout=1800, **KEYS)
    assert "stages rehearsed in" in done.stdout and "would fail" not in done.stdout
