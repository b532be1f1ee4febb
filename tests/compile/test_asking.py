"""Templates of components: a built-in one enters the key by its text, and an unknown name in one is an error."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.resolve.files import built_in_templates
from tests.support import teachers
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import tiny

ENGINE = {"kind": "llm", "teacher": "writer", "oversample": None, "corrupt": None}
NO_PROCEDURE = {
    "task": {"score": {"kind": "exact-match"}},
    "teachers": {"generator": None, "writer": {"kind": "scripted"}},
}


@pytest.fixture(autouse=True)
def teacher() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        teachers.install(patch)
        yield
    teachers.forget()


def spec(**engine: Any) -> str:
    return tiny(agent={"engine": {**ENGINE, **engine}}, **NO_PROCEDURE)


def engine_of(folder: Path, text: str) -> dict[str, Any]:
    plains = (stage.plain for stage in compiled(folder, text).stages if stage.kind == "generate")
    return next(plains)["engine"]


def test_a_built_in_template_enters_the_key_by_its_text(tmp_path: Path) -> None:
    usual, said = spec(), spec(prompt="builtin:examples")
    assert engine_of(tmp_path, usual)["prompt"] == built_in_templates()["builtin:examples"]
    assert keys(compiled(tmp_path, usual)) == keys(compiled(tmp_path, said))
    solver = {"teacher": "writer"}
    assert (
        engine_of(tmp_path, spec(solver=solver))["solver"]["prompt"]
        == built_in_templates()["builtin:answer"]
    )


def test_a_file_of_ones_own_enters_it_too(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("Write {{ count }} of {{ skill }}.", encoding="utf-8")
    assert engine_of(tmp_path, spec(prompt="mine.j2"))["prompt"] == "Write {{ count }} of {{ skill }}."  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "help"),
    [
        (
            "{{ reasonin }}",
            "uses 'reasonin', which the engine 'llm' does not give",
            "did you mean 'reasoning'",
        ),
        ("{% if %}", "is no valid Jinja", "correct the template"),
    ],
)
def test_a_name_that_a_template_is_not_given_is_an_error(
    tmp_path: Path, text: str, words: str, help: str
) -> None:
    (tmp_path / "mine.j2").write_text(text, encoding="utf-8")
    for engine in ({"prompt": "mine.j2"}, {"solver": {"teacher": "writer", "prompt": "mine.j2"}}):
        found = [one for one in findings(tmp_path, spec(**engine)) if one.code == "E203"]
        assert len(found) == 1
        assert words in found[0].message and help in found[0].help


def test_every_built_in_template_is_one_that_its_component_can_fill(tmp_path: Path) -> None:
    named = [spec(), spec(solver={"teacher": "writer"}), tiny(student={"prompt": {"template": "builtin:question"}})]  # fmt: skip
    assert not [one for text in named for one in findings(tmp_path, text) if one.code == "E203"]


def test_a_procedural_teacher_is_refused(tmp_path: Path) -> None:
    exact = {"score": {"kind": "exact-match"}}
    text = tiny(task=exact, agent={"engine": {**ENGINE, "teacher": "generator"}})
    (found,) = findings(tmp_path, text)
    assert (found.code, "needs a language model" in found.message) == ("E204", True)


def test_what_answers_are_reaches_who_asks_for_them(tmp_path: Path) -> None:
    """In a task whose answers are calls; in others nothing is said of it, so that keys stay."""
    less = {"dataset": None, "config": None, "topic": "numbers"}
    problems = {"kind": "small-tools", "families": {"sum": less, "lcm": less}}
    task = {"kind": "tool-use", "sources": {"problems": problems}, "score": {"kind": "calls"}}
    student = {"prompt": {"template": "builtin:question"}}
    for changes, answers in (({"task": task, "student": student}, "calls"), ({}, None)):
        verified = {"verified": {"action": "reject", "teacher": "writer"}}
        agent = {"engine": {**ENGINE, "solver": {"teacher": "writer"}}, "checks": verified}
        made = compiled(tmp_path, tiny(**{**NO_PROCEDURE, **changes, "agent": agent}))
        plains = [stage.plain for stage in made.stages]
        engine = next(plain["engine"] for plain in plains if "engine" in plain)
        checks = next(plain["checks"] for plain in plains if "checks" in plain)
        asking = [engine, *(check for check in checks if check["kind"] == "verified")]
        assert [part.get("answers") for part in asking] == [answers] * 2
        assert ('"tools"' in engine["prompt"]) is (answers is not None)
