"""Every fenced block of the documentation is executed or parsed by some test, and here it says by which.

A block without a language, in one that is not in `CHECKED`, or where nobody looks for that language,
fails. `sh` is for what cannot run here as it stands: each page that has some says what is done instead.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dataenvgym_spec.cli.commands import cli
from dataenvgym_spec.setup.hardware.reading import parsed_profile
from tests.support.pages import NAMED, blocks
from tests.support.repositories import ROOT

DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    ROOT / "benchmarks" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
FENCE = re.compile(r"^([> ]*)(`{3,}|~{3,})[ ]*(.*)$")
PAGE = "docs/"
DIAGNOSTICS = "docs/diagnostics/"
CHECKED: dict[str, dict[str, str]] = {
    "console": {
        "README.md": "docs/test_readme.py",
        "CONTRIBUTING.md": "docs/test_contributing.py",
        "docs/library.md": "docs/test_library_page.py",
        "docs/paper-cell.md": "docs/test_library_page.py",
        "docs/cluster-tutorial.md": "docs/test_cluster_tutorial.py",
        PAGE: "docs/test_docs.py",
    },
    "text": {
        "docs/library.md": "docs/test_library_page.py",
        DIAGNOSTICS: "language/test_catalogue.py",
        PAGE: "docs/test_docs.py",
    },
    "yaml": {
        "README.md": "docs/test_readme.py",
        "docs/released-code.md": "docs/test_released_code.py",
        DIAGNOSTICS: "language/test_catalogue.py",
        PAGE: "docs/test_docs.py",
    },
    "python": {
        "docs/notebook.md": "docs/test_docs.py",
        "docs/components.md": "docs/test_components.py",
        "docs/outside-policies.md": "docs/test_outside.py",
    },
    "json": {
        "docs/components.md": "docs/test_components.py",
        "docs/tool-use.md": "docs/test_tool_use.py",
    },
    "toml": {"docs/components.md": "docs/test_components.py"},
    "jinja": {"docs/first-spec.md": "docs/test_docs.py"},
    "bash": {"docs/outside-policies.md": "docs/test_outside.py"},
    "screen": {"docs/jobs.md": "cli/test_screen.py", "docs/clusters.md": "cli/test_screen.py"},
    "sh": {
        # Sets variables, one a program and one an address: the test sets them so.
        "docs/outside-policies.md": "docs/test_outside.py",
        # Serves until it is ended: the server of the tests is started by this very command.
        "docs/tracking.md": "support/mlflow_servers.py",
        # Waits for a training of another machine: run there with one.
        "docs/hardware.md": "execute/test_machines.py",
        # Needs a cluster at that address, or Kubernetes, of which there is none here.
        "docs/clusters.md": "schedule/test_on_ray.py",
    },
}
"""By language and page, or folder of pages, the file in tests/ that executes or parses its blocks."""
LOOKS_FOR: dict[str, str] = {
    "docs/test_docs.py": "blocks(path)",
    "docs/test_library_page.py": "blocks(PAGE), *blocks(CELL)",
    "docs/test_cluster_tutorial.py": "blocks(PAGE)",
    "docs/test_components.py": 'block("LANGUAGE"',
    "docs/test_outside.py": "def block(",
    "docs/test_tool_use.py": 'language == "LANGUAGE"',
    "docs/test_contributing.py": 'language == "LANGUAGE"',
    "docs/test_released_code.py": "```LANGUAGE",
    "language/test_catalogue.py": 'block("LANGUAGE")',
    "cli/test_screen.py": 'language == "LANGUAGE"',
    "support/mlflow_servers.py": 'language == "LANGUAGE"',
    "execute/test_machines.py": '["dataenvgym", "join", "--once"]',
    "schedule/test_on_ray.py": '"--address", ray.address',
}
"""What stands in such a file where it looks for blocks of a language, or runs their commands."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(path: Path) -> Iterator[tuple[int, str, str]]:
    """Every fenced block: line, what stands before it, language. Also one that nobody's pattern finds."""
    closes = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = FENCE.match(line)
        if found is None:
            continue
        before, fence, language = found.groups()
        if not closes:
            closes = fence
            yield number, before, language
        elif fence == closes and not language:
            closes = ""
    assert not closes, f"{name(path)}: a block does not end"


def who_checks(path: Path, language: str) -> str | None:
    """The file in tests/ that is responsible for a page's blocks of a language."""
    pages = CHECKED.get(language, {})
    places = [name(path), DIAGNOSTICS if path.parent.name == "diagnostics" else PAGE]
    return next((pages[place] for place in places if place in pages), None)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_somebody_checks_every_block(path: Path) -> None:
    alone = 0
    for number, before, language in fences(path):
        checker = who_checks(path, language)
        assert checker, f"{name(path)}:{number}: nobody executes or parses a block of '{language}'"
        alone += not before
        # What is indented or quoted the usual pattern does not find.
        assert not before or name(path) == "CONTRIBUTING.md", f"{name(path)}:{number}"
    assert alone == len(blocks(path))


@pytest.mark.parametrize(
    ("language", "page", "checker"),
    [(language, *item) for language, pages in CHECKED.items() for item in pages.items()],
)
def test_who_is_said_to_check_does(language: str, page: str, checker: str) -> None:
    assert any(
        name(path).startswith(page) and language in {found for _, _, found in fences(path)}
        for path in PAGES
    ), "no such block is left"
    text = (ROOT / "tests" / checker).read_text(encoding="utf-8")
    if checker == "docs/test_readme.py":
        assert f"```{language}" in text or f'language == "{language}"' in text
    else:
        assert LOOKS_FOR[checker].replace("LANGUAGE", language) in text


# --- commands that need what is not here ------------------------------------------------------------------------------

COMMANDS = [
    (name(path), text)
    for path in PAGES
    for language, text in blocks(path)
    if language in ("sh", "bash")
]
OURS = re.compile(r"\bdataenvgym ([a-z]+[^\n'#|&>]*)")


@pytest.mark.parametrize(("page", "text"), COMMANDS)
def test_a_command_that_is_not_run_as_it_stands_is_one(page: str, text: str) -> None:
    """A shell can read it, and our command line takes its words."""
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    for words in OURS.findall(text):
        command, *arguments = shlex.split(words)
        context = click.Context(cli)
        found = cli.get_command(context, command)
        assert found is not None, f"{page}: {words}"
        found.make_context(command, arguments, parent=context)


# --- files that are no specs ------------------------------------------------------------------------------------------

FILES = [
    (name(path), found[1], text)
    for path in PAGES
    for language, text in blocks(path)
    if language == "yaml"
    and (found := NAMED["yaml"].match(text))
    and found[1] in ("hardware.yaml", "cluster.yaml")
]


@pytest.mark.parametrize(("page", "file", "text"), FILES)
def test_a_file_beside_the_specs_is_what_it_is_called(
    page: str, file: str, text: str, tmp_path: Path
) -> None:
    """A hardware profile, or what Kubernetes is told."""
    content = yaml.safe_load(text)
    if "apiVersion" in content:
        assert content["kind"] == "RayCluster"
        groups = [content["spec"]["headGroupSpec"], *content["spec"]["workerGroupSpecs"]]
        assert [volumes_missing(group) for group in groups] == [set(), set()]
        return
    path = tmp_path / file
    path.write_text(text, encoding="utf-8")
    parsed_profile(path, f"{page}: {file}")


def volumes_missing(group: dict[str, Any]) -> set[str]:
    """The volumes that containers of pods mount and their pod has not."""
    pod = group["template"]["spec"]
    mounted = {mount["name"] for one in pod["containers"] for mount in one["volumeMounts"]}
    return mounted - {volume["name"] for volume in pod["volumes"]}


def test_a_page_shows_how_kubernetes_is_reached() -> None:
    pages = [page for page, _, text in FILES if "kind: RayCluster" in text]
    assert pages == ["docs/clusters.md"]
