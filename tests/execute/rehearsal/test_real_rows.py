"""A handful of real rows: which are taken, and that the real client fetches them of a hub."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.rehearsal.real_rows import handful
from tests.support.hub import serving
from tests.support.repositories import call

COLUMNS = {"q": "input", "a.text": "target", "kind": "group"}
NAME = "someone/sums"


def rows(count: int, groups: int = 5) -> list[dict[str, Any]]:
    """Rows of several groups, of which the first has the most and the last one row."""
    made = []
    for number in range(count):
        kind = min(number % 7, groups - 1) if number else groups
        made.append({"q": f"{number} + 1", "a": {"text": str(number + 1)}, "kind": f"k{kind}"})
    return made


def test_few_groups_with_enough_of_each_are_taken() -> None:
    taken = handful(rows(200), COLUMNS, 30)
    assert taken is not None
    counts = Counter(row["kind"] for row in taken)
    assert len(counts) == 3 and {*counts.values()} == {10}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(rows(12), id="too few of any group"),
        pytest.param([{**row, "picture": b"\xff"} for row in rows(200)], id="no JSON"),
    ],
)
def test_what_is_of_no_use_is_not_taken(given: list[dict[str, Any]]) -> None:
    assert handful(given, COLUMNS, 30) is None


def test_without_groups_any_rows_are_taken() -> None:
    columns = {name: role for name, role in COLUMNS.items() if role != "group"}
    assert handful(rows(40), columns, 30) == rows(40)[:30]
    assert handful(rows(20), columns, 30) is None


CODE = """\
import json
from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.real_rows import real_rows
from dataenvgym_spec.execute.rehearsal.wanted import WantedRows
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.defaults import with_defaults
hub, columns = HubAccess(), {"q": "input", "a.text": "target", "kind": "group"}
fields = {role: column for column, role in columns.items()}
for name in ("someone/sums", "someone/nothing"):
    said = {"kind": "hub", "id": name, "revision": "main", "fields": fields}
    wanted = WantedRows(
        slot_kind="hub", name="train", options=with_defaults("source", said), columns=columns,
        first=0, form="ANSWER", count=12,
    )
    print(json.dumps(real_rows(wanted, definition("source", "hub"), hub)))
print(json.dumps(sorted(hub.refused)))
"""


@pytest.mark.slow
def test_the_real_client_fetches_them(tmp_path: Path) -> None:
    """In a process of its own: the client reads where the hub is once."""
    content = "\n".join(map(json.dumps, rows(90))).encode()
    with serving({("datasets", NAME, "main"): "a" * 40}, {NAME: {"train.jsonl": content}}) as hub:
        told = call(sys.executable, "-c", CODE, cwd=tmp_path, apart=True, **hub.reach(tmp_path))
    taken, nothing, refused = map(json.loads, told.stdout.splitlines()[-3:])
    assert len(taken) == 12 and all(row in rows(90) for row in taken)
    assert nothing is None and refused == ["someone/nothing"]
