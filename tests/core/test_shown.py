"""Values on one line: what differs is never shown alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.core.shown import NOTHING, shown_apart, told_apart

LETTERS = st.text("ab.", max_size=60)


@given(st.lists(LETTERS, min_size=1, max_size=5), LETTERS, st.sampled_from(["...", "…"]))
def test_texts_that_differ_do_so_when_they_are_cut(ends: list[str], start: str, mark: str) -> None:
    texts = [start + end for end in ends]
    cut = told_apart(texts, 24, mark)
    assert max(map(len, cut)) <= 24
    assert len(set(cut)) == len(set(texts))


def test_both_sides_of_the_place_where_two_differ_are_shown() -> None:
    left, right = told_apart([f"{'a' * 90} {word} {'z' * 90}" for word in ("this", "that")], 40)
    assert left.startswith("...aaa") and left.endswith("zzz...") and " this " in left
    assert right == left.replace("this", "that")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, "1"),
        (True, "true"),
        (1, 1.0),
        ("a\nb", "a b"),
        ("a\nb", r"a\nb"),
        ("a b", "a  b"),
        ("a", "a "),
        ('"a\\nb"', "a\nb"),
        ("\u202e", r"\u202e"),
        (NOTHING, "nothing"),
        (NOTHING, None),
        ([{"a": 1}], [{"a": 1}, {"b": 2}]),
    ],
)
def test_values_that_differ_never_read_alike(old: Any, new: Any) -> None:
    before, after = shown_apart([old, new], 30)
    assert before.split() != after.split() and before.isprintable() and after.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@given(json_values, json_values)
def test_whatever_two_values_are(old: Any, new: Any) -> None:
    before, after = shown_apart([old, new], 30)
    assert canonical(old) == canonical(new) or before != after
