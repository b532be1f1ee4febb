"""The identity of items: what is different never becomes one, and what splits keep apart stays apart."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.language import declaration
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.records.items import (
    IGNORED,
    TEXT,
    WORDS,
    Form,
    Item,
    canonical,
    form_name,
    item_id,
    question_id,
    told_apart,
)
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.rows import Columns
from dataenvgym_spec.records.turns import ToolSchema, Turn

FIELDS = {"input": "question", "target": "answer"}
FORMS: tuple[Form, ...] = (WORDS, TEXT, (), ("case",), ("space",), ("case", "layout"))
PROGRAMS = ("for x in y:\n    a()\nb()", "for x in y:\n    a()\n    b()")


def read(tmp_path: Path, *rows: tuple[str, str]) -> list[Item]:
    """The items of a file with these questions and answers."""
    path = tmp_path / "rows.jsonl"
    lines = [json_text({"question": question, "answer": answer}) for question, answer in rows]
    path.write_text("\n".join(line.replace("\n", " ") for line in lines), encoding="utf-8")
    return Jsonl(path=path, fields=FIELDS).items


@pytest.mark.parametrize(
    "rows",
    [
        [(PROGRAMS[0], "1"), (PROGRAMS[1], "1")],
        [("What is $X$?", "1"), ("What is $x$?", "2")],
        [("Spell God backwards", "doG"), ("Spell god backwards", "dog")],
        [("Name a prime", "2"), ("Name a prime", "3"), ("Name a prime", "5")],
        [("1 0\n0 1\n1 1", "3"), ("1 0 0\n1 1 1", "2")],
    ],
    ids=["indentation", "case", "case-in-both", "targets", "layout"],
)
def test_what_is_different_never_becomes_one(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    items = read(tmp_path, *rows)
    assert [(item.input, item.target) for item in items] == rows
    assert len({item.id for item in items}) == len(rows)
    # Their questions are alike, so that one split has them all.
    assert len({item.cluster for item in items}) == 1


def test_other_accepted_answers_are_another_item() -> None:
    def item(*answers: str) -> Item:
        verifier = {"answers": list(answers)} if len(answers) > 1 else {}
        question = "Name a prime"
        return Item(
            id=item_id(question),
            input=question,
            target=answers[0],
            group="all",
            cluster="c",
            verifier=verifier,
        )

    kept = told_apart([item("2"), item("2", "3"), item("2", "3", "5"), item("2", "3")])
    assert [row.verifier.get("answers") for row in kept] == [None, ["2", "3"], ["2", "3", "5"]]
    assert len({row.id for row in kept}) == 3


def test_what_is_the_same_becomes_one(tmp_path: Path) -> None:
    rows = [("1 + 1?", "2"), ("2 + 2?", "4"), ("1 + 1?  ", "2"), ("1 + 1?", "2")]
    assert [item.input for item in read(tmp_path, *rows)] == ["1 + 1?", "2 + 2?"]


def test_an_item_keeps_its_identity_when_others_come_after_it(tmp_path: Path) -> None:
    few = read(tmp_path, ("Name a prime", "2"), ("1 + 1?", "2"))
    more = read(tmp_path, ("Name a prime", "2"), ("Name a prime", "3"), ("1 + 1?", "2"))
    assert {item.id for item in few} < {item.id for item in more}


def test_programs_and_images_are_told_apart_by_the_form_of_their_task() -> None:
    first, second = PROGRAMS
    assert item_id(first) == item_id(second)
    assert item_id(first, form=TEXT) != item_id(second, form=TEXT)
    assert item_id(first, form=TEXT) == item_id(f"{first}\r\n".replace("\n", "\r\n"), form=TEXT)
    seen = {item_id("What is it?", images=[image]) for image in ("a", "b")}
    assert len(seen | {item_id("What is it?")}) == 3


def test_all_that_is_asked_is_in_the_identity() -> None:
    one = Item(id="1", input="What is it?", target="2", group="all", cluster="c")
    picture = Picture(digest="a" * 64, media="image/png", width=1, height=1)
    other = msgspec.structs.replace(picture, digest="b" * 64)
    asked = [
        one,
        msgspec.structs.replace(one, images=(picture,)),
        msgspec.structs.replace(one, images=(other,)),
        msgspec.structs.replace(one, images=(picture, other)),
        msgspec.structs.replace(one, before=(Turn(role="user", text="Look."),)),
        msgspec.structs.replace(one, before=(Turn(role="user", text="Look.", images=(picture,)),)),
        msgspec.structs.replace(one, before=(Turn(role="system", text="Look."),)),
        msgspec.structs.replace(one, tools=(ToolSchema(name="now"),)),
        msgspec.structs.replace(one, tools=(ToolSchema(name="then"),)),
    ]
    assert question_id(one) == item_id(one.input)
    assert len({question_id(item) for item in asked}) == len(asked)
    # An answer is no part of what is asked; of a source it tells items apart, as all else does.
    several = msgspec.structs.replace(one, targets=("2", "3"))
    assert question_id(several) == question_id(one)
    kept = told_apart([*asked, several, *asked])
    assert len(kept) == len({item.id for item in kept}) == len(asked) + 1


@given(st.text(max_size=30), st.sampled_from(FORMS))
def test_a_canonical_form_is_its_own(text: str, form: Form) -> None:
    once = canonical(text, form)
    assert canonical(once, form) == once


def test_identities_keep_what_they_were_and_no_two_forms_share_one() -> None:
    assert item_id(" What  is X?") == "9e9df882a587e32b"
    assert item_id("Print 1.\r\n", form=TEXT) == "713abf4d0a80cc90"
    assert IGNORED == declaration.IGNORED
    names = {form_name(form) for form in FORMS}
    assert len(names) == len(FORMS) and form_name(("case", "space")) == "words"
    assert len({item_id("x", form=form) for form in FORMS}) == len(FORMS)


_TEXTS = st.text(alphabet="aA \n1", max_size=4)


@given(st.lists(st.tuples(_TEXTS, st.sampled_from("12")), max_size=12))
def test_items_of_one_source_have_identities_of_their_own(rows: list[tuple[str, str]]) -> None:
    items = [
        Item(id=item_id(text), input=text, target=target, group="all", cluster="c")
        for text, target in rows
    ]
    kept = told_apart(items)
    assert len({item.id for item in kept}) == len(kept)
    written = {(canonical(item.input, TEXT), item.target) for item in items}
    assert {(canonical(item.input, TEXT), item.target) for item in kept} == written
    assert told_apart(kept) == kept


# --- one question in several clusters ---------------------------------------------------------------------------------

CLUSTERED = [
    ("Name a prime", "2", "a"),
    ("1 + 1?", "2", "a"),
    ("name a prime", "3", "b"),  # as the first, in another cluster
    ("2 + 2?", "4", "b"),
    ("2 + 2?", "4", "c"),  # a repeated row
    ("3 + 3?", "6", "c"),
    ("4 + 4?", "8", "d"),
]


@given(st.permutations(CLUSTERED))
def test_clusters_that_share_a_question_are_one_in_any_order(
    rows: list[tuple[str, str, str]],
) -> None:
    columns = Columns(fields={**FIELDS, "cluster": "cluster"})
    names = ("question", "answer", "cluster")
    items, _ = columns.items(
        (number, dict(zip(names, row, strict=True))) for number, row in enumerate(rows)
    )
    clusters = {item.input.casefold(): item.cluster for item in items}
    assert clusters.pop("4 + 4?") == "d"
    assert set(clusters.values()) == {"a"}
    assert len(items) == len(rows) - 1
