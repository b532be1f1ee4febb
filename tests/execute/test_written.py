"""Who wrote a candidate: only what no model wrote is judged in company."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.execute.stages.check import _is_computed
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all
from tests.support.golden import Workshop, engine


@pytest.mark.parametrize(("procedural", "writer"), [(True, "procedural"), (False, "mine")])
def test_what_an_engine_may_have_asked_a_model_for_is_not_its_procedural_teachers(
    procedural: bool, writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = definitions()["engine"]["procedural"]
    assert like.procedural
    mine = replace(like, kind="mine", procedural=procedural)
    monkeypatch.setitem(definitions()["engine"], "mine", mine)
    shop = Workshop(tmp_path)
    shop.loop()
    asked = {"observe": "nothing", "engine": {**engine(), "kind": "mine"}}
    params = {**asked, "iteration": 1, "round": 0, "seed": 7}
    made = shop.run("mine", "generate", params, (("plan", "plan", "plan"),))
    rows = read_all(made / "candidates" / "examples.jsonl", Example)
    assert {row.provenance.teacher for row in rows if row.provenance} == {writer}
    assert {_is_computed(row) for row in rows} == {procedural}
