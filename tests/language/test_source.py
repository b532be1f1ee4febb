import random
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import Diagnostic, SpecError
from dataenvgym_spec.language import composing
from dataenvgym_spec.language.source import Node, parse
from tests.support.specs import TINY


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1e4", 1e4), ("12", 12), ("017", 17), ("0o17", 15), ("0x1f", 31), ("-3", -3), (".5", 0.5), ("1.", 1.0),
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("Off", "Off"), ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("2001-01-01", "2001-01-01"), ("1_000", "1_000"), ("1:30", "1:30"), ("'12'", "12"), ('"true"', "true"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_look_like(text: str, value: object) -> None:
    found = parse(f"a: {text}", file="f").plain()["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "words"),
    [
        ("a: 1\na: 2\n", "E101", 2, 1, "duplicate key 'a'"),
        ("a:\n\tb: 1\n", "E002", 2, 1, "tab"),
        ("a: [1, 2\nb: 3\n", "E002", 2, 2, "invalid YAML"),
        ("a: !!python/object:os.system x\n", "E003", 1, 4, "tag"),
        ("a: !foo {b: 1}\n", "E003", 1, 4, "tag"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "E003", 3, 3, "merge keys"),
        ("a: .inf\n", "E003", 1, 4, "finite"),
        ("a: .nan\n", "E003", 1, 4, "finite"),
        ("a: 1e999\n", "E003", 1, 4, "finite"),
        ("a: 99999999999999999999\n", "E003", 1, 4, "64 bits"),
        ("a: 1\n---\nb: 2\n", "E002", 2, 1, "document"),
        ("", "E002", 1, 1, "empty"),
        ("a: \x01\n", "E002", 1, 1, "control character"),
    ],
)
def test_what_is_no_spec_is_told_where_and_why(
    text: str, code: str, line: int, column: int, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, file="f.yaml")
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line, found.span.column) == (code, line, column)
    assert words in found.message
    assert found.help


def test_growing_aliases_are_refused_quickly() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(SpecError, match="E003"):
        parse(bomb, file="f")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(SpecError, match="nest"):
        parse("[" * 3000 + "]" * 3000, file="f")


def test_every_value_knows_its_place() -> None:
    node = parse("a:\n  b: [1, two]\n  c: x\n", file="f")
    item = node.at(("a", "b", 1))
    assert (item.value, item.span.line, item.span.column, item.span.end_column) == (
        "two",
        2,
        10,
        13,
    )
    assert node.at(("a", "c")).key.column == 3


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=4),
        st.one_of(st.integers(-99, 99), st.booleans(), st.text("xyz ", max_size=5)),
        max_size=5,
    )
)
def test_what_was_written_is_read(content: dict[str, object]) -> None:
    import json

    node = parse(json.dumps(content) if content else "{}", file="f")
    assert isinstance(node, Node)
    assert node.plain() == content


@pytest.mark.parametrize(
    "text", ["a: 1\nb\nc: 2\n", "a:\n  b: 1\n  c\nd: 2\n", "a: 1\nb\n  c: 2\n"]
)
def test_a_missing_colon_is_told_where_it_is_missing(text: str) -> None:
    lines = [
        number for number, line in enumerate(text.split("\n"), 1) if line.strip() in ("b", "c")
    ]
    with pytest.raises(SpecError) as refused:
        parse(text, file="x.yaml")
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.span is not None
    assert diagnostic.span.line == lines[0]


INDENTED = """\
task:
  splits:
    test: 1
    selection: 2
loop:
  iterations: 2
  teach:
    examples: 3
    of: accepted
  train_on: all
arms: {}
"""


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("key", ["test", "selection", "iterations", "examples", "of", "train_on"])
def test_a_line_that_is_indented_wrongly_is_told_itself(key: str, by: int) -> None:
    """PyYAML notices the first of several at the line after it."""
    lines = INDENTED.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.strip().startswith(f"{key}:")]
    lines[at] = f" {lines[at]}" if by == 1 else lines[at][1:]
    with pytest.raises(SpecError) as caught:
        parse("\n".join(lines), file="spec.yaml")
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert (found.span.line, found.span.text) == (at + 1, lines[at])
    assert "as its neighbours are" in found.help


def test_a_block_that_is_indented_wrongly_is_told_where_it_begins() -> None:
    text = INDENTED.replace("  teach:\n    ex", "   teach:\n     ex").replace("    of", "     of")
    text = text.replace("  iterations: 2\n", "")
    with pytest.raises(SpecError) as caught:
        parse(text, file="spec.yaml")
    assert str(caught.value.diagnostics[0].span) == "spec.yaml:6:4"


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("loop:\n  iterations: 1\n teach: {}\n", "indent this line as its neighbours are"),
        ("loop:\n  iterations: 1\n   teach: {}\n", "indent a key as its neighbours are"),
        ("description: it is 5: five\n", "put a text with ': ' in quotes"),
        ("description: @home\n", "put the text in quotes"),
        ("description: *star\n", "that begins with '*' in quotes"),
    ],
)
def test_what_yaml_cannot_read_has_a_remedy_that_fits(text: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, file="spec.yaml")
    assert help in caught.value.diagnostics[0].help


@pytest.mark.parametrize("before", ["", "loop:\n"])
def test_a_conflict_of_git_is_called_so_where_it_begins(before: str) -> None:
    text = f"{before}<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> other\nb: 3\n"
    with pytest.raises(SpecError) as caught:
        parse(text, file="spec.yaml")
    (found,) = caught.value.diagnostics
    assert "conflict" in found.message and "keep one" in found.help
    assert str(found.span) == f"spec.yaml:{1 + before.count(chr(10))}:1"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("version: 1\nloop: {iterations: 1\narms: {}\n", "the bracket that opens at spec.yaml:2:7"),
        ("seeds: [1, 2\narms: {}\n", "the bracket that opens at spec.yaml:1:8"),
        ('a: 1\nname: "first\nb: 2\n', "the quotes that open at spec.yaml:2:7"),
    ],
)
def test_what_is_never_closed_is_told_with_its_beginning(text: str, note: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, file="spec.yaml")
    assert caught.value.diagnostics[0].notes == (f"in {note}",)


ODD = [*"\t\n :-?[]{}'\"#&*!|>%@,\u2028\ufeff", "---\n", "...\n", "\n  ", ": ", "<<: ", "!!str ", "|\n", ">-\n", "? ", "&a ", "*a "]  # fmt: skip


def test_both_parsers_read_a_text_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml's and PyYAML's own, on pieces of a spec with odd signs in them."""
    chance = random.Random(0)
    texts, lines = [], TINY.splitlines(keepends=True)
    for _ in range(400):
        start = chance.randrange(len(lines) - 8)
        text = dedent("".join(lines[start : start + chance.randrange(1, 8)]))
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice(ODD) + text[place:]
        texts.append(text)
    fast = [read_in_full(text) for text in texts]
    monkeypatch.setattr(composing, "_FastLoader", None)
    assert fast == [read_in_full(text) for text in texts]
    assert sum(tree is None for tree, _ in fast) in range(50, 350)


def read_in_full(text: str) -> tuple[Node | None, list[Diagnostic]]:
    """A text's tree with all places, and what is wrong with it."""
    faults: list[Diagnostic] = []
    try:
        return parse(text, file="f", faults=faults), faults
    except SpecError as error:
        return None, error.diagnostics
