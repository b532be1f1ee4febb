"""Files of responses, one a line."""

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.responses import read_responses
from dataenvgym_spec.store.journal import Journal


def test_lines_that_hold_none_are_told(tmp_path: Path) -> None:
    deep = b"[" * 9999 + b"]" * 9999
    whole = b'{"key":"1","stage":"s","at":1.0,"reply":{}}'
    path = tmp_path / "some.jsonl"
    path.write_bytes(whole + b'\n\xff\n{"key": "2"}\n' + whole.replace(b"{}", b'{"a":%b}' % deep))
    assert [one is None for one in read_responses(path)] == [False, True, True, True]
    assert Journal(tmp_path / "journal.sqlite").take_over(path) == (1, 3)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="cannot be read"):
        list(read_responses(tmp_path))
