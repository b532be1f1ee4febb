"""Files of skills, in the plain form and in that of the released skills."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.skill_files import SkillFile, read_skill_file

RELEASED = {
    "labeled_instructions": [
        {
            "instance_id": "train_7",
            "instruction": "What is  1 + 1?",
            "skill": {"name": "adding_ones", "reason_for_skill": None},
        },
        {"instance_id": "lost", "instruction": "Who?", "skill": {"name": "x", "reason_for_skill": "y"}},
    ],
    "skill_categories": [
        {"category_id": 1, "descriptive_name": "Sums", "skills": ["adding_ones"]},
        {"category_id": 2, "descriptive_name": "Products", "skills": []},
    ],
    "instance_id_to_skill_category": {
        "train_7": {"category_id": 1, "descriptive_name": "Sums", "skills": ["adding_ones"]}
    },
}  # fmt: skip


def read(folder: Path, content: Any) -> SkillFile:
    path = folder / "skills.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_skill_file(path)


def test_the_released_form_is_read_by_id_and_by_question(tmp_path: Path) -> None:
    found = read(tmp_path, RELEASED)
    assert found.skills == ("Sums", "Products")
    assert found.of("train_7", "") == found.of("another id", "what is 1 + 1?") == "Sums"
    assert found.of("lost", "Who?") is None
    assert found.descriptions == {}  # the labels of single items describe none


def test_the_plain_form_is_what_a_stage_writes_and_may_say_texts_instead(tmp_path: Path) -> None:
    whole = {"skills": ["b", "a"], "items": {"1": "a"}, "descriptions": {"a": "the first"}}
    found = read(tmp_path, whole)
    assert (found.skills, found.of("1", ""), found.descriptions) == (("b", "a"), "a", {"a": "the first"})  # fmt: skip
    found = read(tmp_path, {"texts": {"Is it B?": "b", "Is it A?": "a"}})
    assert (found.skills, found.of("", " is it  b?")) == (("a", "b"), "b")
    assert found.of("", "Is it C?") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is no file of skills"),
        ("{}", "names no skill"),
        ({"skills": [], "items": {}}, "names no skill"),
        ({"items": {"1": 2}}, "is no file of skills"),
        ({"item": {"1": "a"}}, "unknown field `item`"),
        ({"skills": ["a"], "items": {"1": "b"}}, "uses the skill 'b'"),
        ({"skills": ["a"], "descriptions": {"c": "?"}}, "uses the skill 'c'"),
        ({"skills": ["a", "a"]}, "lists a skill twice"),
        ({"skills": ["a", " "]}, "one without a name"),
        ({**RELEASED, "skill_categories": []}, "uses the skill 'Sums'"),
        ({"skill_categories": [{"name": "Sums"}]}, "is no file of skills"),
    ],
)
def test_what_is_no_such_file_is_told(content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        read(tmp_path, content)
