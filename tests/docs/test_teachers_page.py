"""What the page on teachers says of models on this machine is what their definitions declare."""

import re

from dataenvgym_spec.language.components import built_in, definition
from tests.support.repositories import ROOT

PAGE = (ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| \[`([\w-]+)`\]\(#[\w-]+\) \| (.*) \|$", PAGE, re.M))


def test_every_teacher_that_is_a_model_has_a_row() -> None:
    teachers = built_in()["teacher"]
    assert {kind for kind, declared in teachers.items() if declared.device} == {*ROWS}


def test_a_row_says_how_often_the_model_is_loaded_and_what_it_is_shown() -> None:
    for kind, row in ROWS.items():
        declared = definition("teacher", kind)
        loaded, _, takes = row.partition(" | ")
        assert loaded.startswith("once a run" if declared.kept else "by each stage"), kind
        assert ("images" in takes) == ("images" in declared.carries), kind
        assert "thinking" in declared.schema["properties"] or "thinking" not in takes, kind
