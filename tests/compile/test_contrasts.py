"""What a spec may compare, what is wrong with contrasts that no report can answer, and what the index holds of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.experiment import Question
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import tiny

PAIR = {"arm": "with-state", "against": "no-state"}
PROBES = {"elsewhere": {"from": "problems", "draw": {"per_group": 2}}}


def spec(*contrasts: dict[str, Any], **sections: Any) -> str:
    """The small spec with other contrasts, and another test set."""
    splits = {"task": {"splits": {"probes": PROBES}}}
    return tiny(analysis={"contrasts": list(contrasts)}, **{**splits, **sections})


def asked(folder: Path, *contrasts: dict[str, Any], **sections: Any) -> tuple[Question, ...]:
    """The contrasts of the compiled spec."""
    graph = compiled(folder, spec(*contrasts, **sections))
    return graph.entries[0].index.contrasts


BASE = {"arm": "no-state", "against": "no-state", "other": "base"}
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the short form": (PAIR, PAIR),
    "its own base": ({"arm": "no-state", "against": "base"}, BASE),
    "another arm's base": (
        {"arm": "with-state", "against": {"arm": "no-state", "student": "base"}},
        {**PAIR, "other": "base"},
    ),
    "another student": (
        {**PAIR, "against": {"arm": "no-state", "student": "last"}},
        {**PAIR, "other": "last"},
    ),
    "another student of the same arm": (
        {"arm": "no-state", "student": "last", "against": {"student": "best"}},
        {"arm": "no-state", "against": "no-state", "student": "last", "other": "best"},
    ),
    "iterations": (
        {"arm": "no-state", "student": 2, "against": {"student": 1}, "split": "selection"},
        {
            "arm": "no-state",
            "against": "no-state",
            "student": 2,
            "other": 1,
            "split": "selection",
        },
    ),
    "iteration 0 is the base": (
        {"arm": "no-state", "against": {"student": 0}},
        BASE,
    ),
    "the same student, said twice": ({**PAIR, "against": {"arm": "no-state"}}, PAIR),
    "a part, and bounds": (
        {**PAIR, "split": "elsewhere", "skill": "lcm", "equivalence": 2},
        {**PAIR, "split": "elsewhere", "skill": "lcm", "equivalence": 2.0},
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_contrast_names_both_students_in_the_index(name: str, tmp_path: Path) -> None:
    said, expected = FORMS[name]
    (question,) = asked(tmp_path, said)
    assert question == Question(**expected)


def test_what_a_spec_said_before_is_written_as_before(tmp_path: Path) -> None:
    (question,) = asked(tmp_path, {**PAIR, "primary": True})
    assert question.plain() == {**PAIR, "student": "best", "split": "test", "primary": True}


def test_an_arm_called_base_is_that_arm(tmp_path: Path) -> None:
    (question,) = asked(
        tmp_path, {"arm": "no-state", "against": "base"}, arms={"base": {"agent": {}}}
    )
    assert (question.against, question.other) == ("base", None)


def test_no_contrast_changes_a_key(tmp_path: Path) -> None:
    contrasts = [said for said, _ in FORMS.values()]
    plain = compiled(tmp_path, spec())
    for said in contrasts:
        assert keys(compiled(tmp_path, spec(said))) == keys(plain)


MISTAKES: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "an arm that is not there": (
        [{**PAIR, "against": {"arm": "nostate", "student": "last"}}],
        "E201 there is no arm 'nostate'",
        "did you mean 'no-state'?",
    ),
    "a split that is not there": (
        [{**PAIR, "split": "selectoin"}],
        "E201 there is no split 'selectoin'",
        "did you mean 'selection'?",
    ),
    "a split that the agent sees": (
        [{**PAIR, "split": "feedback"}],
        "E204 no contrast on 'feedback'",
        "test, selection, elsewhere",
    ),
    "a skill that is not there": (
        [{**PAIR, "skill": "sums"}],
        "E201 there is no skill 'sums'",
        "did you mean 'sum'?",
    ),
    "itself": (
        [{"arm": "no-state", "against": "no-state"}],
        "E204 best of 'no-state' is compared with itself",
        "another student",
    ),
    "its own base, which it is": (
        [{"arm": "no-state", "student": 0, "against": "base"}],
        "E204 base of 'no-state' is compared with itself",
        "another student",
    ),
    "twice": (
        [PAIR, {**PAIR, "primary": True, "equivalence": 1}],
        "E204 contrasts 1 and 2 are the same",
        "leave one",
    ),
    "twice, turned round": (
        [PAIR, {"arm": "no-state", "against": "with-state"}],
        "E204 contrasts 1 and 2 are the same, turned round",
        "leave one",
    ),
    "an iteration that is not there": (
        [{**PAIR, "student": 3, "split": "selection"}],
        "E204 'with-state' has no iteration 3: its loop runs 2",
        "from 1 to 2",
    ),
    "an iteration on the sealed test": (
        [{**PAIR, "student": 1}],
        "E204 the student of iteration 1 does not answer the sealed test",
        "evaluate: each",
    ),
    "an iteration on another test set": (
        [{**PAIR, "student": 1, "split": "elsewhere"}],
        "E204 the student of iteration 1 does not answer the probe 'elsewhere'",
        "'best'",
    ),
    "the base that both arms share": (
        [PAIR, {**PAIR, "student": "base"}],
        "E204 base of 'with-state' and base of 'no-state' are one student",
        "leave the contrast out",
    ),
    "the last one, by its number": (
        [{"arm": "no-state", "student": "last", "against": {"student": 2}, "split": "selection"}],
        "E204 last of 'no-state' and iteration 2 of 'no-state' are one student",
        "taught otherwise",
    ),
    "bounds that hold nothing": (
        [{**PAIR, "equivalence": 0}],
        "E106 'equivalence': must be more than 0",
        "points",
    ),
    "a student that is none": (
        [{**PAIR, "student": "first"}],
        "E103 'student' must be 'base' or 'best' or 'last' or a whole number",
        "the number of an iteration",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_no_report_can_answer_is_said_at_its_place(name: str, tmp_path: Path) -> None:
    contrasts, message, help = MISTAKES[name]
    found = findings(tmp_path, spec(*contrasts))
    said = {f"{item.code} {item.message}": item.help for item in found}
    assert any(one.startswith(message) for one in said), said
    assert any(help in one for one in said.values()), said


def test_the_best_student_is_the_last_one_where_nothing_is_selected(tmp_path: Path) -> None:
    contrast = {"arm": "no-state", "student": "last", "against": {"student": "best"}}
    assert findings(tmp_path, spec(contrast)) == ()
    (found,) = findings(tmp_path, spec(contrast, select={"by": "last"}))
    assert found.message.startswith("last of 'no-state' and best of 'no-state' are one student")


def test_bases_that_are_asked_otherwise_are_two_students(tmp_path: Path) -> None:
    contrast = {**PAIR, "student": "base"}
    arms = {"no-state": {"student": {"generate": {"max_new_tokens": 3}}}}
    assert findings(tmp_path, spec(contrast, arms=arms)) == ()


def test_arms_that_are_one_are_only_warned_of(tmp_path: Path) -> None:
    arms = {"twin": {"agent": {"observe": "nothing"}}}
    contrast = {"arm": "twin", "against": "no-state"}
    assert findings(tmp_path, spec(contrast, arms=arms)) == ()


def test_all_students_that_answer_the_sealed_test_can_be_compared_there(tmp_path: Path) -> None:
    text = spec({**PAIR, "student": 1}, test={"evaluate": "each"})
    assert findings(tmp_path, text) == ()


def test_slices_are_those_of_the_source(tmp_path: Path) -> None:
    rows = "".join(f'{{"q": "{n} + 1", "a": "{n + 1}", "l": {n % 2}}}\n' for n in range(400))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    fields = {"input": "q", "target": "a", "slices": {"level": "l"}}
    source = {"kind": "files", "path": "rows.jsonl", "fields": fields}
    sections = {"task": {"sources": {"rows": source}}}
    for name, message in (("level", ""), ("levle", "E201 there is no slice 'levle' in 'rows'")):
        contrast = {**PAIR, "slice": {name: 1}}
        found = findings(tmp_path, _with_test(spec(contrast, **sections)))
        said = [f"{item.code} {item.message}" for item in found if "slice" in item.message]
        assert said == ([message] if message else []), [item.render() for item in found]
    graph = compiled(tmp_path, _with_test(spec({**PAIR, "slice": {"level": 1}}, **sections)))
    assert graph.entries[0].index.contrasts[0].slice == (("level", "1"),)


def _with_test(text: str) -> str:
    old = "    test:\n      from: problems\n      draw:\n        per_group: 6\n"
    assert old in text
    return text.replace(old, "    test:\n      from: rows\n      draw:\n        items: 6\n")
