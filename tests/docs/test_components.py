"""The page on components of one's own: the package that it shows is known, checked, compiled and does what it says."""

import json
import re
import sys
from pathlib import Path

import pytest

from dataenvgym_spec import gym
from dataenvgym_spec.language.components import FOLDERS, definition
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.language.packages import read_definition, read_prompts
from dataenvgym_spec.records.items import item_id
from dataenvgym_spec.resolve.files import template_text
from tests.support.packages import path_with
from tests.support.repositories import ROOT, call, new_repo
from tests.support.specs import TINY

MATH = definition("task", "math")
PAGE = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    texts: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return texts[number]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as an installer lays it out."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "lagging_policy").mkdir()
    (folder / "lagging_policy" / "__init__.py").touch()
    (folder / "lagging_policy" / "lagging.py").write_text(block("python"), encoding="utf-8")
    (folder / "lagging_policy" / "lagging.json").write_text(block("json"), encoding="utf-8")
    info = folder / "lagging-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lagging\nVersion: 1\n")
    points = re.sub(r'"([^"]+)" = "([^"]+)"', r"\1 = \2", block("toml").partition("\n")[2])
    (info / "entry_points.txt").write_text(f"[dataenvgym_spec.components]\n{points}")
    return folder


def test_the_page_names_all_that_a_definition_can_declare() -> None:
    """As far as a component of this repository declares it."""
    words = set()
    for path in (ROOT / "dataenvgym_spec" / "gym").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        words |= {*json.loads(text), *re.findall(r'"(x-[a-z-]+)":', text)}
    assert {"semantics", "limits", "x-file", "x-groups"} <= words
    # A word of the table, also in a row on two of them, or in the text below it.
    assert [word for word in sorted(words) if not re.search(rf'[`"]{word}["`]', PAGE)] == []


def test_the_package_of_the_page_is_used(site: Path, tmp_path: Path) -> None:
    path = path_with(site)
    text = TINY.replace("{kind: allocate, power: 1.0, floor: 0.2}", "{kind: lagging, topp: 2}")
    repo = new_repo(tmp_path / "repo", text)
    told = call("dataenvgym", "validate", cwd=repo, ok=False, PYTHONPATH=path).stderr
    assert "unknown key 'topp'" in told and "did you mean 'top'?" in told
    (repo / "specs" / "tiny.yaml").write_text(text.replace("topp", "top"), encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo, PYTHONPATH=path)
    plans = [path.read_text() for path in (repo / "store").glob("plan-*/stage.json")]
    assert plans and all('"kind": "lagging"' in plan and '"top": 2' in plan for plan in plans)


def test_the_policy_of_the_page_does_what_it_says(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    from lagging_policy.lagging import Lagging

    scores = {
        "a": gym.SkillScore(accuracy=1.0, items=2),
        "b": gym.SkillScore(accuracy=0.5, items=2),
    }
    state = gym.SkillListState(skills=("a", "b", "c"), scores=scores)
    assert Lagging(top=2).act(state, 9, gym.Tools(seed=0)).allocation == {"b": 5, "c": 4}
    sys.modules.pop("lagging_policy.lagging")


def test_the_kind_of_tasks_of_the_page_is_one(tmp_path: Path) -> None:
    path = tmp_path / "kind.json"
    path.write_text(block("json", 1), encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    for name in ("examples", "question"):
        (tmp_path / "prompts" / f"{name}.j2").write_text(f"{{# {name} #}}", encoding="utf-8")
    content = read_definition(path)
    content["prompts"] = read_prompts(path, content)
    kind = declare("task", "riddles", content, implementation="riddles.kind", by="riddles")
    assert item_id("a  b", form=kind.ignores) == item_id("a b", form=kind.ignores)
    assert item_id("a b", form=kind.ignores) != item_id("A b", form=kind.ignores)
    assert template_text("builtin:examples", kind) == "{# examples #}"
    assert template_text("builtin:answer", kind) == template_text("builtin:answer", MATH)
    content["prompts"] = {"question": "../question.j2"}
    with pytest.raises(ValueError, match="does not lie beside"):
        read_prompts(path, content)


def test_the_page_lists_every_slot_with_its_protocol() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`\w+`(?: or `\w+`)*) \|", PAGE, re.M)
    assert {slot for slot, _ in rows} == {*FOLDERS} - {"task"} and "| `task` | none" in PAGE
    for _, protocols in rows:
        for protocol in protocols.split(" or "):
            assert getattr(gym, protocol.strip("`"))._is_protocol


def test_the_face_gives_all_that_it_names() -> None:
    for name in gym.__all__:
        assert getattr(gym, name).__name__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        gym.Nothing  # noqa: B018
