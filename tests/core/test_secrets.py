"""A secret is found in whichever way a text has it, and nothing else is taken out."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataenvgym_spec.core.secrets import Secrets, in_address, opening

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=6, max_size=20)


@st.composite
def echoed(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and JSON in JSON that has it with some of its letters written in other ways."""
    secret = draw(PRINTABLE)
    odd = draw(st.sets(st.sampled_from(secret)))
    text = json.dumps(secret)[1:-1].replace("/", draw(st.sampled_from(["/", "\\/"])))
    if text == secret:  # nothing in it that an escape is part of
        text = "".join(f"\\u{ord(it):04x}" if it in odd else it for it in text)
    for _ in range(draw(st.integers(0, 2))):
        text = json.dumps(text)[1:-1]
    return secret, text


@settings(max_examples=40)
@given(echoed())
def test_no_part_of_an_escaped_secret_is_left(case: tuple[str, str]) -> None:
    secret, text = case
    assert Secrets([secret]).hide(f"a {text} b") in (
        "a [key] b",
        f"a {secret} b".replace(secret, "[key]"),
    )


@settings(max_examples=40)
@given(PRINTABLE)
def test_nor_of_one_in_an_address(secret: str) -> None:
    assert Secrets([secret]).hide(f"/a?key={quote(secret, safe='')}&b") == "/a?key=[key]&b"


@settings(max_examples=40)
@given(st.text())
def test_a_text_without_it_is_left_alone(text: str) -> None:
    assert Secrets(["sk-planted-0123", "other-one"]).hide(text) == text


@pytest.mark.parametrize("values", [[], [""], ["short", " k "]])
def test_what_is_too_short_hides_nothing(values: list[str]) -> None:
    assert Secrets(values).hide("a short k") == "a short k"


def test_a_page_writes_letters_by_their_numbers_and_of_two_the_longer_one_goes() -> None:
    hide = Secrets(["abcdef", "abcdef/gh", " padded\n"]).hide
    assert (
        hide("<p>abcdef&#x2F;gh, abcdef&#47;gh, abcdef, padded") == "<p>[key], [key], [key], [key]"
    )


def test_what_opens_something_is_known_by_its_name_or_stands_in_an_address() -> None:
    environ = {
        "HF_TOKEN": "a", "MY_LAB_API_KEY": "b", "SERVICE_APIKEY": "c", "DB_PASSWORD": "d", "key": "e",
        "MLFLOW_TRACKING_URI": "postgresql://ann:f@host/db", "PIP_INDEX_URL": "https://g@host/simple",
        "MONKEY": "no", "KEYBOARD": "no", "ODD": "http://x@[", "MAIL": "ann@host",
    }  # fmt: skip
    assert sorted(opening(environ)) == list("abcdefg")
    assert list(in_address("https://host/act?a=one&b=two")) == ["one", "two"]
