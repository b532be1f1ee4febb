"""All generated examples on one page: complete, harmless, and to be searched in a browser."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.files import read_rows, write_json, write_rows
from dataenvgym_spec.report import browse as browsed
from dataenvgym_spec.report import packing
from dataenvgym_spec.report.browse import browse
from dataenvgym_spec.results.experiment import Results, load
from tests.support.chromium import shown
from tests.support.reported import HOSTILE, Store
from tests.support.taught import Taught

REFERRED = {"errors": ("errors",), "exchanges": ("exchanges", "verified"), "images": ("images",)}
"""What a part holds besides examples, and the fields of these that name it by numbers."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("taught")
    Taught(root)
    return load("tiny", root)


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    return page_of(results)


def page_of(results: Results) -> str:
    """The page where it is one file."""
    ((name, html),) = browse(results)
    assert name == "index.html"
    return html


class Scripts(HTMLParser):
    """The scripts of a page, as a browser separates them: type and text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script"
        if self.inside:
            self.found.append([dict(attrs).get("type") or "", ""])

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1][1] += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = False


def scripts(html: str) -> list[list[str]]:
    parser = Scripts()
    parser.feed(html)
    return parser.found


def data_of(html: str) -> dict[str, Any]:
    """The data of a page that is one file and one part: examples with what the head says of them."""
    head, *parts = (json.loads(text) for kind, text in scripts(html) if kind)
    data: dict[str, Any] = parts[0] if parts else {"examples": []}
    for (group, skill, fate, id), example in zip(head["examples"], data["examples"], strict=True):
        example |= {"group": group, "id": id}
        example |= {"skill": head["skills"][skill], "fate": head["fates"][fate]}
    return {**data, "groups": head["groups"]}


def test_every_example_is_there_once_with_what_became_of_it(results: Results, html: str) -> None:
    data = data_of(html)
    told = Counter((example["group"], example["fate"]) for example in data["examples"])
    for number, group in enumerate(data["groups"]):
        (check,) = (stage for stage in results.stages if stage.path.name == group["check"])
        log = check.log
        assert log is not None and told[number, "accepted"] == log.accepted
        mine = sum(count for (place, _), count in told.items() if place == number)
        assert mine == log.candidates
    assert {example["fate"] for example in data["examples"]} >= {"accepted", "surplus", "scorable"}


def test_a_chain_leads_from_the_error_to_the_students(html: str) -> None:
    data = data_of(html)
    example = next(
        one for one in data["examples"] if one.get("errors") and one["fate"] == "accepted"
    )
    assert data["errors"][example["errors"][0]]["prediction"].startswith("3 ")
    asked = data["exchanges"][example["exchanges"][0]]
    assert [role for role, _ in asked["messages"]] == ["system", "user"]
    assert data["groups"][example["group"]]["taught"][example["taught"]]
    # What several examples were made of is there once.
    numbers = [number for one in data["examples"] for number in one.get("exchanges", ())]
    assert len(numbers) > len(set(numbers)) == len(data["exchanges"])


def test_an_example_names_the_students_that_took_it_and_no_others(tmp_path: Path) -> None:
    Store(tmp_path).write()
    index = tmp_path / "experiments" / "tiny.json"
    content = json.loads(index.read_text())
    (row,) = (row for row in content["stages"] if row["key"] == "t-with-state-0-1")
    row["inputs"] = ["k-with-state-0-1"]
    write_json(index, content)
    inputs = [["accepted", "k-with-state-0-1", "accepted"]]
    says = {"params": {"seed": 0, "fraction": 0.5}, "inputs": inputs}
    write_json(tmp_path / "store" / row["directory"] / "stage.json", says)
    path = tmp_path / "store" / "check-k-with-state-0-1" / "out" / "accepted" / "examples.jsonl"
    rows = [{**row, "id": f"one{number}"} for number, row in enumerate(read_rows(path))]
    write_rows(path, rows)
    html = page_of(load("tiny", tmp_path))
    data = data_of(html)
    taught = {}
    for one in data["examples"]:
        group = data["groups"][one["group"]]
        if one["fate"] == "accepted" and group["given"]:
            taught[one["id"]] = group["taught"][one.get("taught", 0)]
    assert sorted(taught.values()) == [[], [], [], *([["with-state, train 1"]] * 3)]
    page = tmp_path / "examples.html"
    page.write_text(html, encoding="utf-8")
    left_out = next(id for id, students in taught.items() if not students)
    assert "<h3>Taught no student: no training took it" in shown(page, place=left_out)


def test_one_script_may_run_and_foreign_text_is_none(html: str) -> None:
    *held, (kind, script) = scripts(html)
    assert [told for told, _ in held] == ["application/json"] * 2 and kind == ""
    allowed = base64.b64encode(sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'"
    )
    for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "http"):
        assert word not in script
    assert "\u202e" not in html and "<script>alert(1)" not in html


def test_equal_results_give_equal_bytes(results: Results, html: str) -> None:
    assert page_of(results) == html


def test_what_there_is_no_room_for_is_said(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST", 500)
    html = page_of(results)
    data = data_of(html)
    assert len(json.dumps(data["exchanges"])) < 1000 and len(data["examples"]) == 36
    assert "Beyond 500 B, questions to teachers are left out of this page" in html


@pytest.mark.parametrize("most", [1, 12, 36])
def test_of_too_many_examples_some_are_taken_evenly_and_it_is_said(
    results: Results, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    every = data_of(page_of(results))["examples"]
    monkeypatch.setattr(packing, "MOST_EXAMPLES", most)
    html = page_of(results)
    some = data_of(html)["examples"]
    assert len(every) == 36

    def amounts(examples: list[dict[str, Any]]) -> Counter[tuple[int, bool, bool]]:
        fates = ((one["fate"] == "accepted", one["fate"] == "surplus") for one in examples)
        return Counter((one["group"], *fate) for one, fate in zip(examples, fates, strict=True))

    for fate, amount in amounts(every).items():
        assert amounts(some)[fate] == max(1, amount * most // 36)
    ids = [one["id"] for one in every]
    assert [one["id"] for one in some] == [id for id in ids if id in {one["id"] for one in some}]
    said = f"{len(some)} of 36 examples" in html and "too many for a browser" in html
    assert said is (len(some) < 36)
    assert page_of(results) == html


def test_an_experiment_without_examples_has_a_page(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.teach = lambda *_: None  # type: ignore[method-assign]
    store.write()
    assert data_of(page_of(load("tiny", tmp_path)))["examples"] == []


def test_in_a_browser_a_link_finds_one_example_and_opens_it(tmp_path: Path) -> None:
    Store(tmp_path / "repo").write()
    html = page_of(load("tiny", tmp_path / "repo"))
    page = tmp_path / "examples.html"
    page.write_text(html, encoding="utf-8")
    whole = shown(page)
    assert "42 of 42 examples" in whole and whole.count("<article") == 25
    assert "page 1 of 2" in whole and "with-state (21)" in whole
    found = shown(page, place="overlap%20with-state%20gcd9")
    assert re.search(r"\b0 of 42 examples", found)  # an arm is chosen, not searched for
    found = shown(page, place="gcd9")
    assert re.search(r"\b6 of 42 examples", found) and "rejected by overlap" in found
    # It stands there as text, and did nothing.
    assert "&lt;script&gt;alert(1)" in found and "<img src=x>" not in found
    assert HOSTILE.split(" ")[0] not in found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of some examples each, and no room for them in the page."""
    monkeypatch.setattr(packing, "PART", 1_000)
    monkeypatch.setattr(browsed, "ONE_FILE", 5_000)


@pytest.fixture
def folder(tmp_path: Path, small: None) -> Path:
    """A page whose examples are in files beside it."""
    Store(tmp_path / "repo").write()
    folder = tmp_path / "examples"
    folder.mkdir()
    for name, text in browse(load("tiny", tmp_path / "repo")):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.usefixtures("small")
def test_what_is_too_large_for_one_file_is_in_parts_beside_the_page(results: Results) -> None:
    files = dict(browse(results))
    page = files.pop("index.html")
    (head,) = (json.loads(text) for kind, text in scripts(page) if kind)
    read = re.compile(r"document\.currentScript\.part=(.*);\n", re.DOTALL)
    parts = []
    for number in range(len(head["sizes"])):
        found = read.fullmatch(files.pop(f"part-{number}.js"))
        assert found is not None
        # A text, not an object: as one, a note of the name __proto__ would be no note.
        parts.append(json.loads(json.loads(found[1])))
    assert len(parts) > 3 and not files
    assert [len(part["examples"]) for part in parts] == head["sizes"]
    assert sum(head["sizes"]) == len(head["examples"]) == 36
    for part in parts:
        for kind, fields in REFERRED.items():
            named = [one.get(field, ()) for one in part["examples"] for field in fields]
            assert {number for some in named for number in some} == set(range(len(part[kind])))
    policy = re.search(r"script-src ([^\"]*)\"", page)
    assert policy is not None and policy[1].endswith(" 'self'")


def test_parts_are_read_by_a_page_that_was_opened_as_a_file(folder: Path) -> None:
    whole = shown(folder / "index.html")
    assert "42 of 42 examples" in whole and whole.count("<article") == 25
    found = shown(folder / "index.html", place="gcd9")
    assert re.search(r"\b6 of 42 examples", found) and found.count("<article") == 6
    assert "rejected by overlap" in found and "&lt;script&gt;alert(1)" in found
    (folder / "part-2.js").unlink()
    lacking = shown(folder / "index.html", place="gcd9")
    assert "part-2.js cannot be read. This page needs all files of its folder" in lacking


def test_parts_within_a_page_are_read_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(browsed, "ONE_FILE", 10**9)
    page = tmp_path / "one.html"
    page.write_text(page_of(load("tiny", tmp_path / "repo")), encoding="utf-8")
    found = shown(page, place="gcd9")
    assert re.search(r"\b6 of 42 examples", found) and found.count("<article") == 6
