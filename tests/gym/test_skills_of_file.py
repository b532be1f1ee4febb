"""Skills as a file has them, and what a spec that names one is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from tests.support.golden import assert_golden, component, items, make
from tests.support.graphs import compiled, findings
from tests.support.specs import TINY

DIGEST = "sha256:0"


def made(folder: Path, content: Any, **options: Any) -> Any:
    path = folder / "skills.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return make("discovery", component("discovery", "file", path=DIGEST, **options), {DIGEST: path})


def test_items_are_known_by_id_or_question(tmp_path: Path) -> None:
    first, *rest = items()
    content = {
        "skills": ["one", "many", "none"],
        "items": {first.id: "one"},
        "texts": {item.input.upper(): "many" for item in rest},
        "descriptions": {"one": "the first"},
    }
    discovery = made(tmp_path, content)
    found = discovery.discover(items()[:9])
    assert found.skills == ("one", "many", "none") and found.descriptions == {"one": "the first"}
    assert [found.items[item.id] for item in items()[:9]] == ["one"] + 8 * ["many"]
    assert discovery.assign(rest[-1], found) == "many"
    # Of a file that knows all items, both versions make the same.
    digests = dict.fromkeys((1, 2), "4528f2afd6c17dff")
    assert_golden("discovery", "file", digests, found.plain())


def test_an_item_that_is_not_in_it_has_the_fallback_or_is_an_error(tmp_path: Path) -> None:
    first, *rest = items()
    content = {"items": {first.id: "one"}}
    with pytest.raises(StageError, match="does not know 23 of 24 items"):
        made(tmp_path, content).discover(items())
    plain = made(tmp_path, content)
    with pytest.raises(StageError, match="does not know 1 of 1 items"):
        plain.assign(rest[0], plain.discover([first]))
    discovery = made(tmp_path, content, fallback="another")
    found = discovery.discover([first])
    # A skill of no shown item would get examples, of nothing.
    assert (found.skills, found.fallback) == (("one",), "another")
    assert discovery.assign(rest[0], found) == "another"
    assert discovery.discover([first, rest[0]]).skills == ("one", "another")


FILE = TINY.replace("{kind: gold}", "{kind: file, path: skills.json}")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist"), ("{}", "names no skill"), ("{", "is not JSON")],
)
def test_a_file_that_cannot_be_used_is_told_before_anything_runs(
    content: str | None, said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "skills.json").write_text(content, encoding="utf-8")
    (found,) = findings(tmp_path, FILE)
    assert found.code == "E203" and said in found.message and found.span is not None


def test_it_is_in_the_key_by_its_content(tmp_path: Path) -> None:
    keys = []
    for name, content in (("a", {"items": {"1": "a"}}), ("b", {"items": {"1": "a"}}), ("b", {"items": {"1": "b"}})):  # fmt: skip
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        graph = compiled(tmp_path, FILE.replace("skills.json", f"{name}.json"))
        stages = {stage.kind: stage for stage in graph.stages}
        assert [item.port for item in stages["skills"].inputs] == ["shown"]
        assert [item.slot for item in stages["assign"].inputs] == ["skills", "items", "items"]
        keys.append((stages["skills"].id, stages["assign"].id))
    assert keys[0] == keys[1] and not {*keys[1]} & {*keys[2]}
