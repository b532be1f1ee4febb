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

from dataenvgym_spec.report import browse as browsed
from dataenvgym_spec.report.browse import browse
from dataenvgym_spec.results.experiment import Results, load
from tests.support.chromium import shown
from tests.support.reported import HOSTILE, Store
from tests.support.taught import Taught


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("taught")
    Taught(root)
    return load("tiny", root)


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    return browse(results)


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
    data: dict[str, Any] = json.loads(scripts(html)[0][1])
    return data


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
    assert data["groups"][example["group"]]["taught"]
    # What several examples were made of is there once.
    numbers = [number for one in data["examples"] for number in one.get("exchanges", ())]
    assert len(numbers) > len(set(numbers)) == len(data["exchanges"])


def test_one_script_may_run_and_foreign_text_is_none(html: str) -> None:
    (kind, _), (other, script) = scripts(html)
    assert (kind, other) == ("application/json", "")
    allowed = base64.b64encode(sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'"
    )
    for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "http"):
        assert word not in script
    assert "\u202e" not in html and "<script>alert(1)" not in html


def test_equal_results_give_equal_bytes(results: Results, html: str) -> None:
    assert browse(results) == html


def test_what_there_is_no_room_for_is_said(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsed, "MOST_EXCHANGES", 500)
    html = browse(results)
    data = data_of(html)
    assert len(json.dumps(data["exchanges"])) < 1000 and len(data["examples"]) == 36
    assert "Beyond 500 B, questions to teachers are left out of this page" in html


def test_an_experiment_without_examples_has_a_page(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.teach = lambda *_: None  # type: ignore[method-assign]
    store.write()
    assert data_of(browse(load("tiny", tmp_path)))["examples"] == []


def test_in_a_browser_a_link_finds_one_example_and_opens_it(tmp_path: Path) -> None:
    Store(tmp_path / "repo").write()
    html = browse(load("tiny", tmp_path / "repo"))
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
