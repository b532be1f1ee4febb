"""Text that somebody else wrote, in Markdown: it is shown as it stands, and does nothing.

CommonMark is judged by a reader of it. Showdown, with which MLflow shows descriptions, takes a
backslash before fewer signs; `tests/track/test_pages.py` asks it itself.
"""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dataenvgym_spec.core.foreign import clean, markdown_paragraphs, markdown_text
from tests.support.taught import HOSTILE

ODD = [
    *("![a](//evil.example/a.png)", "[a]: //evil.example", "<//evil.example>", r"\<img src=x"),
    *("# head", "- item", "+ item", "1. item", "2) item", "---", "===", "- - -", "```", "~~~", "> x"),
    *("a | b", "`a", r"\`a`", "**a**", "__a__", "~~a~~", "&lt;img&gt;", "&#60;", "$x$", "    code"),
]  # fmt: skip
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(markdown: str) -> str:
    """The text of a paragraph; nothing in it is more than text."""
    kinds, words = [], ""
    for token in READER.parse(markdown):
        kinds.append(token.type)
        for part in token.children or ():
            assert part.type == "text", part
            words += part.content
    assert kinds in ([], ["paragraph_open", "inline", "paragraph_close"])
    return words


@pytest.mark.parametrize("text", [*ODD, HOSTILE])
def test_odd_text_is_text(text: str) -> None:
    assert shown(markdown_text(text)) == " ".join(clean(text).split())


@given(st.text(st.sampled_from("\\`*_{}[]()<>#|~$!&:@-+=.1a w\n;\u202e'\"/")))
@example("www.a.b")
def test_any_text_is_text(text: str) -> None:
    assert shown(markdown_text(text)) == " ".join(clean(text).split())


@given(st.text())
def test_what_showdown_reads_otherwise_is_not_there(text: str) -> None:
    said = markdown_text(text)
    assert said.isprintable() and not re.search(
        r"[<>@$]|&(?!#?\w+;)|://|www\.", said, re.IGNORECASE
    )
    # Each of these is one that showdown, too, takes for text after a backslash.
    assert not set(re.sub(r"\\[\\`*_{}\[\]()#|~!+=.-]", "", said)) & set("\\`*_{}[]()|~!")


@given(st.text())
def test_a_cell_is_one_cell(text: str) -> None:
    rows = READER.parse(f"| a | b |\n| --- | --- |\n| {markdown_text(text)} | x |\n")
    assert [row.type for row in rows].count("td_open") == 2


def test_paragraphs_are_kept_and_nothing_else() -> None:
    assert markdown_paragraphs(f"One\nand *two*\n \n\n{HOSTILE}").split("\n\n") == [
        r"One and \*two\*",
        markdown_text(HOSTILE),
    ]
    assert markdown_paragraphs(" \n\n ") == ""


def test_plain_words_and_numbers_stay_readable() -> None:
    plain = "Does it teach: 97.5% against -2.5, with-state 1.5 x; a - b."
    assert markdown_text(plain) == plain
