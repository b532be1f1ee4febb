"""The page on the paper's released code: each fragment of its tables compiles, and changes what it stands on."""

import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from dataenvgym_spec.compile.compiler import Compiled, front_end, lower
from tests.support.repositories import ROOT

PAGE = (ROOT / "docs" / "released-code.md").read_text(encoding="utf-8")
(BASE,) = re.findall(r"^```yaml\n# specs/released\.yaml\n(.*?)^```$", PAGE, re.M | re.S)
TABLES, NOT_HERE = PAGE.split("## What it has and a spec cannot say")
SECTIONS = {part.partition("\n")[0]: part for part in TABLES.split("\n## ")[1:]}
ROWS = [
    (section, *row)
    for section, text in SECTIONS.items()
    for row in re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*?) ?\|$", text, re.M)
    if row[0] not in ("released code", "---")
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The spec of the page, and one for each row."""
    folder = tmp_path_factory.mktemp("released")
    specs = Path(shutil.copytree(ROOT / "specs", folder / "specs"))
    (specs / "released.yaml").write_text(BASE, encoding="utf-8")
    (specs / "prompts" / "mine.j2").write_text("Write {{ count }} examples.", encoding="utf-8")
    (specs / "prompts" / "decide.j2").write_text("{{ environment }} {{ state }}", encoding="utf-8")
    (specs / "skills.json").write_text(json.dumps({"skills": ["a"], "items": {}}), encoding="utf-8")
    paths = [specs / "released.yaml"]
    for number, (_, _, cell, _) in enumerate(ROWS):
        path = specs / f"row{number}.yaml"
        head = f"extends: released.yaml\nname: row{number}\n"
        path.write_text(head + "\n".join(sections(fragment(cell))), encoding="utf-8")
        paths.append(path)
    return lower(front_end(paths, root=folder))


def fragment(cell: str) -> str:
    """What a cell of the table shows."""
    (text,) = re.findall(r"^`([^`]+)`$", cell)
    return str(text)


def sections(text: str) -> list[str]:
    """The sections of a spec that stand side by side in a line."""
    parts, depth = [""], 0
    for sign in text:
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(sign, 0)
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def test_every_part_of_the_released_code_has_rows() -> None:
    assert [*SECTIONS] == [
        "Loops",
        "Agents",
        "Policies of the skill tree",
        "Skill discovery",
        "Engines",
        "Checks",
        "Teachers",
    ]
    assert {section for section, *_ in ROWS} == {*SECTIONS}
    assert len({(section, name) for section, name, *_ in ROWS}) == len(ROWS) >= 40


def test_every_fragment_compiles_to_something_else(compiled: Compiled) -> None:
    """But where it only writes out what holds anyway."""
    base, *specs = (spec.arms[0].experiment for spec in compiled.specs)
    assert len(specs) == len(ROWS)
    for spec, (_, name, cell, differs) in zip(specs, ROWS, strict=True):
        same = replace(spec, name=base.name) == base
        assert same == differs.startswith("in every spec"), f"{name}: {cell}"
