"""LiveCodeBench's code generation, from its files: contest problems with tests."""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import zlib
from pathlib import Path
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.coding import Row, identity, problems, text
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import Item

LARGEST: Final = 1 << 28
"""How large the tests of a problem may be, unpacked, in bytes."""
SLICES: Final = ("difficulty", "platform")
"""Columns that results are told apart by besides the group."""
_OF_A_TEXT: Final = {
    "PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
}  # fmt: skip
"""The instructions of a pickle that is one text."""


class LiveCodeBench(Listed):
    """A finite source of problems; each group is a difficulty, or whatever the options say."""

    def __init__(
        self,
        *,
        path: Path,
        group: Literal["difficulty", "platform", "none"],
        since: str = "",
        before: str = "",
        solutions: Path | None = None,
    ) -> None:
        self.group, self.since, self.before = group, since, before
        self.solutions = {} if solutions is None else _solutions(solutions)
        self.items, self.skipped = problems(path, self._item)

    def _item(self, row: Row) -> Item | None:
        date = text(row, "contest_date")[:10] if self.since or self.before else ""
        if (self.since and date < self.since) or (self.before and date >= self.before):
            return None
        starter = text(row, "starter_code", empty=True)
        asked = text(row, "question_content")
        if starter.strip():
            asked = f"{asked}\n\nStarter code:\n```python\n{starter.rstrip()}\n```"
        entry = _metadata(row).get("func_name", "")
        tests = [{**test, "public": True} for test in _tests(row["public_test_cases"])]
        tests += _tests(row["private_test_cases"])
        verifier: dict[str, Any] = {"tests": tests, "prelude": True}
        if entry:
            verifier |= {"entry": str(entry), "starter": starter}
        name = identity(asked)
        return Item(
            id=name,
            input=asked,
            target=self.solutions.get(text(row, "question_id"), ""),
            group="all" if self.group == "none" else text(row, self.group),
            cluster=name,
            verifier=verifier,
            slices={name: text(row, name) for name in SLICES if name != self.group},
            metadata={
                "name": text(row, "question_title"),
                "platform": text(row, "platform"),
                "difficulty": text(row, "difficulty"),
                "starter": starter,
                "reads": not entry,
            },
        )


def _metadata(row: Row) -> dict[str, Any]:
    value = row.get("metadata") or {}
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, dict):
        raise ValueError("no mapping in column 'metadata'")
    return value


def _tests(value: Any) -> list[dict[str, Any]]:
    """The tests that a column holds: a list, its JSON, or that packed.

    Raises:
        ValueError: it holds none.
    """
    try:
        if isinstance(value, str):
            value = json.loads(value if value.lstrip().startswith("[") else _unpacked(value))
        return [_test(test) for test in value]
    except (KeyError, TypeError, binascii.Error, zlib.error) as error:
        raise ValueError(f"tests that cannot be read ({error})") from error


def _unpacked(value: str) -> str:
    """The text in a pickle, compressed and in base64, which is read and never executed."""
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(base64.b64decode(value, validate=True), LARGEST)
    if unpacking.unconsumed_tail:
        raise ValueError("tests that are too large")
    found = ""
    for instruction, argument, _ in pickletools.genops(data):
        if instruction.name not in _OF_A_TEXT:
            raise ValueError("tests in a pickle that is more than one text")
        if isinstance(argument, str):
            found = argument
    return found


def _test(test: dict[str, Any]) -> dict[str, Any]:
    given, wanted = str(test["input"]), str(test["output"])
    if test.get("testtype", "stdin") == "stdin":
        return {"stdin": given, "stdout": wanted}
    arguments = [json.loads(line) for line in given.splitlines() if line.strip()]
    return {"arguments": arguments, "value": json.loads(wanted)}


def _solutions(path: Path) -> dict[str, str]:
    """Programs by the problem that they solve: texts, or mappings with a `passing_solution`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        rows = dict(content).items()
        return {str(name): _solution(value) for name, value in rows}
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = f"'{path}' cannot be read: {error}"
        help = "it is a JSON object: programs by 'question_id'"
        raise StageError(message, help=help) from error


def _solution(value: Any) -> str:
    program = value["passing_solution"] if isinstance(value, dict) else value
    if not isinstance(program, str):
        raise TypeError("a solution is a text")
    return program
