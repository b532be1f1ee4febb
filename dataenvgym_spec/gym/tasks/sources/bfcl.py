"""BFCL, from a folder with its published files: for each category questions and answers.

`BFCL_v4_simple_python.json` has rows of `id`, `question` and `function`; the file of that name in
`possible_answer` has `ground_truth`: of each call the values accepted of each argument. Categories
of irrelevance have no answers: nothing is to be called. A category is a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.calling.accepted import MAY_BE_LEFT_OUT
from dataenvgym_spec.gym.tasks.calling.items import asked, schema_of
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, written
from dataenvgym_spec.gym.tasks.sources.coding import Row, problems
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form, Item
from dataenvgym_spec.records.tables import object_of
from dataenvgym_spec.records.turns import ToolSchema, Turn

NOTHING: Final = "irrelevance"
"""What the names of categories end with in which nothing is to be called."""


class Bfcl(Listed):
    """A finite source of requests with the calls that are accepted."""

    def __init__(self, *, path: Path, categories: Sequence[str], form: Form = WORDS) -> None:
        """Args: the folder, which categories, and what of a question does not count.

        Raises:
            StageError: the folder has no such category, or a file is not as the format has it.
        """
        self.form = form
        skipped: dict[str, int] = {}
        items: list[Item] = []
        for name in categories:
            found, repeated = self._category(path, name)
            items += found
            for reason, count in repeated.items():
                skipped[reason] = skipped.get(reason, 0) + count
        self.items, self.skipped = items, skipped

    def _category(self, folder: Path, name: str) -> tuple[list[Item], dict[str, int]]:
        accepted: dict[str, Any] = {}
        if not name.endswith(NOTHING):
            # The reader of problems makes items of rows; these are answers, by the id of theirs.
            problems(_file(folder / "possible_answer", name), lambda row: _keep(row, accepted))
        return problems(_file(folder, name), lambda row: self._item(object_of(row), name, accepted))

    def _item(self, row: Row, name: str, answers: Mapping[str, Any]) -> Item | None:
        tools = tuple(map(_tool, _mappings(row, "function")))
        turns = _turns(row)
        accepted = [] if name.endswith(NOTHING) else _accepted(_answer(answers, row))
        named = {tool.name: tool for tool in tools}
        return asked(
            turns[-1].text,
            target=written([_first(call, named) for call in accepted]),
            group=name,
            tools=tools,
            before=tuple(turns[:-1]),
            verifier={"calls": accepted},
            metadata={"name": str(row["id"])},
            form=self.form,
        )


def _file(folder: Path, name: str) -> Path:
    """The one file of a category.

    Raises:
        StageError: there is none, or more than one.
    """
    pattern = re.compile(rf"(?:BFCL_v\d+_)?{re.escape(name)}\.jsonl?(?:\.gz)?")
    listed = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [path for path in listed if pattern.fullmatch(path.name)]
    if len(files) == 1:
        return files[0]
    count = "no file" if not files else f"{len(files)} files"
    message = f"'{folder}' has {count} of the category '{name}'"
    raise StageError(message, help=f"it is called as in BFCL: BFCL_v4_{name}.json")


def _answer(answers: Mapping[str, Any], row: Row) -> Any:
    identity = str(row["id"])
    if identity not in answers:
        raise ValueError(f"no answer to '{identity}' in the folder 'possible_answer'")
    return answers[identity]


def _keep(row: Row, accepted: dict[str, Any]) -> None:
    accepted[str(row["id"])] = _mappings(object_of(row), "ground_truth")


def _mappings(row: Row, column: str) -> list[dict[str, Any]]:
    value = row[column]
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"no list of mappings in column '{column}'")
    return value


def _turns(row: Row) -> list[Turn]:
    """What is said: a list of messages, or of turns of which there is one."""
    said = row["question"]
    if isinstance(said, list) and said and isinstance(said[0], list):
        if len(said) > 1:
            raise ValueError("several turns in column 'question', which are asked one by one")
        said = said[0]
    messages = _mappings({"question": said}, "question")
    turns = [Turn(role=message["role"], text=str(message["content"])) for message in messages]
    if not turns or turns[-1].role != "user":
        raise ValueError("no question of a user in column 'question'")
    return turns


def _tool(described: Mapping[str, Any]) -> ToolSchema:
    return ToolSchema(
        name=described["name"],
        description=described.get("description", ""),
        parameters=schema_of(described.get("parameters", {})),
    )


def _accepted(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The calls that are accepted, as a verifier has them."""
    accepted = []
    for call in calls:
        for name, arguments in call.items():
            accepted.append({"name": name, "arguments": arguments})
    return accepted


def _first(accepted: Mapping[str, Any], tools: Mapping[str, ToolSchema]) -> ToolCall:
    """A call that is accepted: the first value of each argument that has to be there."""
    tool = tools.get(accepted["name"])
    schema = {} if tool is None else tool.parameters
    arguments = _values(accepted["arguments"], schema.get("required", ()))
    return ToolCall(name=accepted["name"], arguments=arguments)


def _values(accepted: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """The first value of each key, less those that may be left out and are not required."""
    found = {}
    for name, values in accepted.items():
        said = [value for value in values if value != MAY_BE_LEFT_OUT]
        if said and (name in required or len(said) == len(values)):
            found[name] = _value(said[0])
        elif name in required:
            found[name] = MAY_BE_LEFT_OUT
    return found


def _value(accepted: Any) -> Any:
    """A value that is accepted: where a mapping lists values, the first of each."""
    if isinstance(accepted, list):
        return [_value(one) for one in accepted]
    if isinstance(accepted, dict) and all(isinstance(one, list) for one in accepted.values()):
        return _values(accepted)
    return accepted
