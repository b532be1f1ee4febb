"""What stands in MLflow as Markdown: whatever a spec, a teacher or a student wrote in it is text."""

import os.path
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dataenvgym_spec.core.foreign import clean, markdown_text
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.track import notes
from dataenvgym_spec.track.links import Links
from dataenvgym_spec.track.naming import flatten, slug
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.runs import ExperimentRecord
from tests.support.taught import HOSTILE, Taught, ask_for

TARGETS = ("run:", "student:", "files:", "view:")
SEEN = " ".join(clean(HOSTILE).split())
"""How the text is shown."""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> ExperimentRecord:
    root = tmp_path_factory.mktemp("notes")
    Taught(root)
    ask_for(root, HOSTILE)
    return project(load("tiny", root))


def written(record: ExperimentRecord) -> dict[str, str]:
    """All that MLflow shows as Markdown."""
    texts = {"": record.description}
    for run in record.runs:
        texts[f"{run.id} note"] = run.note
        for item in run.artifacts:
            if item.path.endswith(".md"):
                texts[f"{run.id} {item.path}"] = item.text or ""
    return texts


def test_no_text_of_others_is_markup_in_mlflow(record: ExperimentRecord) -> None:
    reader = MarkdownIt("commonmark").enable("table")
    texts = written(record)
    assert {name.rpartition(" ")[2] for name in texts} == {
        *("", "note", "plan/plan.md", "plan/tree.md", "examples/some.md")
    }
    for name, text in texts.items():
        # To showdown a sign with a backslash before it is one still.
        assert not set("<>\u202e") & set(text), name
        for token in reader.parse(text):
            for part in token.children or ():
                assert part.type not in ("image", "html_inline"), name
                if part.type == "link_open":
                    assert str(part.attrs["href"]).startswith(TARGETS), name
        assert "evil" not in re.sub(re.escape(markdown_text(HOSTILE)), "", text), name
        if name.endswith(".md") or not name:
            shown = "".join(
                part.content for token in reader.parse(text) for part in token.children or ()
            )
            assert name.endswith("tree.md") or SEEN in shown, name


def test_a_description_makes_no_link_of_ours() -> None:
    links = Links(home="1", runs={"a": "x"}, students={})
    said = notes.of_experiment("[look](run:a) and [here](view:all-runs)")
    assert links.resolve(said) == said


def test_a_description_of_signs_alone_is_taken_by_every_server() -> None:
    assert notes.of_experiment("Does it teach?\n\nYes.") == "Does it teach?\n\nYes."
    assert 4000 < len(notes.of_experiment("@" * 2000)) <= notes.LONGEST


@given(st.text())
def test_mlflow_takes_any_text_in_the_name_of_a_metric(text: str) -> None:
    """Its rule: letters, digits and a few signs, and as a path its own."""
    key = f"selection/skill/{slug(text)}"
    assert re.fullmatch(r"[/\w.\- :]{1,250}", key) and os.path.normpath(key) == key


@given(st.text())
def test_params_show_what_would_turn_the_text_around_it(text: str) -> None:
    ((_, value),) = flatten({"prompt": text})
    assert value.replace("\n", "").isprintable()
    assert value == text or not text.replace("\n", "").isprintable() or len(text) > 500


def test_params_with_long_paths_that_differ_at_the_end_keep_apart() -> None:
    deep: dict[str, object] = {"one": 1, "two": 2}
    for name in "abcd":
        deep = {name * 80: deep}
    names = [name for name, _ in flatten(deep)]
    assert len(set(names)) == 2 and max(map(len, names)) == 250
