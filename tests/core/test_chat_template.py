"""What a model's folder says about chat."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.chat_template import read_template, switches


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("ask", "ask"),
        ([{"name": "tool_use", "template": "tool"}, {"name": "default", "template": "ask"}], "ask"),
        ([{"name": "tool_use", "template": "tool"}], None),
        (None, None),
        (7, None),
        (["ask"], None),
    ],
)
def test_a_template_is_a_setting_of_the_tokenizer(
    setting: Any, found: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({"chat_template": setting}), encoding="utf-8")
    assert read_template(tmp_path) == found
    (tmp_path / "chat_template.jinja").write_text("mine", encoding="utf-8")
    assert read_template(tmp_path) == "mine"


@pytest.mark.parametrize("damaged", [b"", b"[]", b"{", b"\xff", b'{"chat_template": '])
def test_a_folder_without_one_has_none(damaged: bytes, tmp_path: Path) -> None:
    assert read_template(tmp_path) is None
    (tmp_path / "tokenizer_config.json").write_bytes(damaged)
    assert read_template(tmp_path) is None


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{% if thinking is defined %}{{ thinking }}{% endif %}", ["thinking"]),
        ("{% generation %}{{ enable_thinking }}{% endgeneration %}", ["enable_thinking"]),
        ("{% for one in messages %}{{ one.thinking }}{% break %}{% endfor %}", []),
        ("{{ 'enable_thinking' }} {# enable_thinking #}", []),
        ("{% if %}", []),
    ],
)
def test_a_switch_is_a_name_that_a_template_takes(template: str, names: list[str]) -> None:
    assert sorted(switches(template)) == names
