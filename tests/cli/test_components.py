"""`dataenvgym components`: all that a spec can name, for people and for programs, installed ones included."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.language.components import FOLDERS, definitions
from tests.support.commands import call, expect_refusal
from tests.support.components import Install
from tests.support.packages import lay_out
from tests.support.repositories import ROOT

Row = dict[str, Any]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An environment with packages that bring components, and that fail when they are imported."""
    folder = lay_out(tmp_path / "site", "abacus", "greedy")
    monkeypatch.syspath_prepend(str(folder))
    definitions.cache_clear()
    yield folder
    definitions.cache_clear()


def text(cwd: Path, *slot: str) -> str:
    return call("dataenvgym", "components", *slot, cwd=cwd).stdout


def rows(cwd: Path, *slot: str) -> dict[str, Row]:
    """The records by `slot.kind`, in their order."""
    found = json.loads(text(cwd, *slot, "--json"))["components"]
    return {f"{row['slot']}.{row['kind']}": row for row in found}


def entry(listing: str, kind: str) -> str:
    """The lines of one component, with single spaces."""
    (found,) = re.findall(rf"^  {kind} .*\n(?:    .*\n)*", listing, re.M)
    return " ".join(found.split())


def test_a_program_gets_every_component_once_and_sorted(site: Path, tmp_path: Path) -> None:
    found = rows(tmp_path)
    known = {(slot, kind) for slot, kinds in definitions().items() for kind in kinds}
    assert [(row["slot"], row["kind"]) for row in found.values()] == sorted(known)
    assert {"policy.climb", "policy.allocate", "check.short"} <= {*found}
    assert text(tmp_path, "--json") == text(tmp_path, "--json")


def test_people_get_a_table_by_slot_in_80_columns(site: Path, tmp_path: Path) -> None:
    head, *lines = text(tmp_path).splitlines()
    assert "kind, semantics" in head
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
    seen: dict[str, dict[str, str]] = {}
    for line in lines:
        if re.match(r"\w", line) and not line.startswith("For what is missing here:"):
            slot = line
        elif row := re.match(r"  (\S+) +(\d+|-)  \S", line):
            seen.setdefault(slot, {})[row[1]] = row[2]
    assert [*seen] == [*FOLDERS]
    for slot, kinds in definitions().items():
        numbers = {kind: item.semantics for kind, item in kinds.items()}
        assert seen[slot] == {kind: str(number or "-") for kind, number in numbers.items()}


def test_what_a_package_brings_is_told_with_the_package(site: Path, tmp_path: Path) -> None:
    found, listing = rows(tmp_path), text(tmp_path, "policy")
    climb, greedy = found["policy.climb"], found["policy.greedy"]
    assert (climb["distribution"], climb["release"], climb["semantics"]) == ("abacus", "0.1.0", 1)
    assert climb["serves"] == {"environment": ["ladder"]}
    assert greedy["distribution"] == "greedy-policy"
    assert re.fullmatch(r"source:[0-9a-f]{16}", greedy["semantics"])
    assert greedy["options"]["properties"]["top"]["default"] == 1
    assert found["policy.allocate"]["distribution"] is None
    said = entry(listing, "climb")
    assert said.startswith("climb 1 ") and "- from abacus 0.1.0 - serves the environment" in said
    version = f"- from greedy-policy 0.1.0, semantics {greedy['semantics']}"
    assert version in entry(listing, "greedy")


def test_what_stands_for_the_number_follows_the_source(site: Path, tmp_path: Path) -> None:
    from dataenvgym_spec.language.packages import source_version

    before = rows(tmp_path, "policy")["policy.greedy"]["semantics"]
    with (site / "greedy_policy" / "greedy.py").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    source_version.cache_clear()
    assert rows(tmp_path, "policy")["policy.greedy"]["semantics"] != before
    source_version.cache_clear()


def test_options_that_stand_for_other_components_are_needs(
    site: Path, install: Install, tmp_path: Path
) -> None:
    install("check", "judged", properties={"judge": {"x-refers": "teacher"}})
    found = rows(tmp_path)
    part = {"option": "teacher", "slot": "teacher", "by": "name", "required": True}
    assert found["engine.procedural"]["needs"]["components"] == [{**part, "takes": "procedural"}]
    (pretrain,) = found["model.scratch"]["needs"]["components"]
    assert (pretrain["option"], pretrain["slot"]) == ("pretrain.source", "source")
    (sandbox,) = found["scorer.counted"]["needs"]["components"]
    assert (sandbox["by"], sandbox["takes"]) == ("value", None)
    listing = text(tmp_path)
    assert "- needs a sandbox ('sandbox')" in entry(listing, "counted")
    assert "- needs a language-model teacher ('teacher')" in entry(listing, "dictation")
    assert "- can use a teacher ('judge')" in entry(listing, "judged")


def test_what_is_missing_here_is_told_with_the_command_that_installs_it(
    site: Path, install: Install, tmp_path: Path
) -> None:
    """A package inside of another is not looked for: that would import the outer one."""
    install("check", "near", extra="math", packages=["no_such_package", "abacus.deep"])
    install("check", "far", packages=["no_such_package"])
    found, listing = rows(tmp_path, "check"), text(tmp_path, "check")
    near, far = found["check.near"]["needs"], found["check.far"]["needs"]
    assert near["missing"] == far["missing"] == ["no_such_package"]
    assert near["install"] == "pip install 'dataenvgym-spec[math]'"
    assert far["install"] is None
    assert "- needs the extra math (missing here: no_such_package)" in entry(listing, "near")
    assert "- needs no_such_package (missing here: no_such_package)" in entry(listing, "far")
    assert listing.endswith(
        "\n\nFor what is missing here:\n  pip install 'dataenvgym-spec[math]'\n"
    )
    assert found["check.scorable"]["needs"]["missing"] == []
    assert "missing" not in text(tmp_path, "environment")


def test_one_slot_alone_and_a_slot_that_there_is_not(tmp_path: Path) -> None:
    assert {row["slot"] for row in rows(tmp_path, "check").values()} == {"check"}
    listing = text(tmp_path, "check")
    assert "\ncheck\n" in listing and "overlap" in listing and "allocate" not in listing
    for form in ([], ["--json"]):
        said = call("dataenvgym", "components", "polcy", *form, cwd=tmp_path, ok=False)
        expect_refusal(said, "there is no slot 'polcy'", "did you mean 'policy'?")
        assert said.stdout == ""


def test_the_words_of_a_package_are_shown_and_not_obeyed(install: Install, tmp_path: Path) -> None:
    words = "Red \x1b[31m alarm\n  and " + "long" * 40 + ", e. Then more."
    install("check", "loud", description=words)
    listing = text(tmp_path, "check")
    assert "\x1b" not in listing and "\\x1b" in listing
    assert max(map(len, listing.splitlines())) <= 80
    assert "Then more" not in listing
    assert rows(tmp_path, "check")["check.loud"]["description"] == words


def test_the_page_describes_every_field_for_programs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    section = page.partition("## Which there are")[2]
    fields = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]+) \|", section, re.M)))
    found = rows(tmp_path)
    assert all({*row} == {*fields} for row in found.values())
    needs = found["engine.procedural"]["needs"]
    inner = [*needs, *needs["components"][0]]
    assert [word for word in inner if f"`{word}`" not in section] == []
