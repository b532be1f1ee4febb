"""YAML as DVC reads and writes it: what is none is said to be none, however it is broken."""

import pytest
import yaml

from dataenvgym_spec.store.dvc.dialect import dump, load
from dataenvgym_spec.store.dvc.state import members, run_name


def test_what_was_written_is_read() -> None:
    content = {"cmd": "a", "deps": [{"path": "x", "md5": "1e5", "size": 3}]}
    assert load(dump(content)) == content


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


def test_parts_that_stand_for_others_are_read() -> None:
    text = "a: &a {b: 1}\nc: *a\nd: [*a, *a]\n# " + "-" * 600
    assert load(text) == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, {"b": 1}]}
    assert load("cmd: a && b *\n") == {"cmd": "a && b *"}


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000,
        "2026-13-01",
        "[" * 100_000,
        "- " * 100_000,
        BOMB,
        "&a [*a]",
        "a: [",
        "!!int x",
        "\x01",
    ],
    ids=["digits", "month", "depth", "block", "bomb", "itself", "open", "tag", "control"],
)
def test_what_is_no_yaml_is_said_to_be_none(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load(text)


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, "{", "[{}]", "7"])
def test_a_listing_that_is_none_has_no_members(text: str) -> None:
    assert members(text) is None


def test_an_entry_of_the_run_cache_that_is_none_has_no_name() -> None:
    entry = {"cmd": "a", "deps": [{"path": "x", "md5": "b"}], "outs": [{"path": "y", "md5": "c"}]}
    assert run_name(dump(entry)) is not None
    assert run_name(BOMB) is None
    assert run_name("cmd: 2026-01-01\n") is None
