"""When a call is one that is accepted: by the values accepted of each argument, as in BFCL.

What is accepted of a call is its `name` and, by argument, a list of values; an empty text among
them says that the argument may be left out. A mapping has such lists in its place, at any depth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dataenvgym_spec.gym.tasks.calling.notation import ToolCall
from dataenvgym_spec.records.turns import ToolSchema

Texts = Literal["loose", "exact"]

MAY_BE_LEFT_OUT: Final = ""
_IGNORED = re.compile(r"[ ,./\-_*^]")
"""What BFCL takes out of texts before it compares them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCall:
    """What is accepted of a call.

    Attributes:
        arguments: by their name, the values that are accepted.
    """

    name: str
    arguments: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> AcceptedCall:
        """From the row of a verifier."""
        return cls(name=row["name"], arguments=row["arguments"])

    @classmethod
    def exactly(cls, call: ToolCall, tool: ToolSchema | None = None) -> AcceptedCall:
        """One that accepts the values of a call, and nothing in place of a default that it says."""
        known = {} if tool is None else properties(tool.parameters)
        accepted = {}
        for name, value in call.arguments.items():
            default = known.get(name, {})
            may = [MAY_BE_LEFT_OUT] if "default" in default and default["default"] == value else []
            accepted[name] = [_only(value), *may]
        return cls(name=call.name, arguments=accepted)


def all_match(
    calls: Sequence[ToolCall],
    accepted: Sequence[AcceptedCall],
    tools: Mapping[str, ToolSchema],
    *,
    in_order: bool = False,
    texts: Texts = "loose",
) -> bool:
    """Whether calls are those that are accepted, one by one.

    Args:
        calls: of an answer.
        accepted: what is accepted.
        tools: what can be called, by name.
        in_order: whether their order counts. Without, a way to pair them is looked for.
        texts: how texts are compared.
    """
    if len(calls) != len(accepted):
        return False
    fits = [
        [matches(call, wanted, tools.get(wanted.name), texts=texts) for call in calls]
        for wanted in accepted
    ]
    if in_order:
        return all(row[place] for place, row in enumerate(fits))
    return _paired(fits)


def matches(
    call: ToolCall, wanted: AcceptedCall, tool: ToolSchema | None, *, texts: Texts = "loose"
) -> bool:
    """Whether a call is one that is accepted.

    All arguments have to be known, those that the tool requires have to be there, and each value
    has to be one of those that are accepted.
    """
    if same_name(call.name, wanted.name):
        schema = {} if tool is None else tool.parameters
        known = properties(schema) or call.arguments
        there = all(name in call.arguments for name in schema.get("required", ()))
        if there and call.arguments.keys() <= known.keys():
            return _fields_fit(call.arguments, wanted.arguments, schema, texts)
    return False


def same_name(one: str, other: str) -> bool:
    """Whether two names are one tool's: where services allow no dots, they become underscores."""
    return one.replace(".", "_") == other.replace(".", "_")


def properties(schema: Any) -> Mapping[str, Any]:
    """The schemas of a mapping's values, by key."""
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def standardised(text: str) -> str:
    """A text without what does not count in a comparison that is `loose`.

    >>> standardised("April 1, 2024") == standardised("april 1 2024")
    True
    """
    return _IGNORED.sub("", text).lower().replace("'", '"')


def value_fits(value: Any, accepted: Sequence[Any], schema: Any, texts: Texts) -> bool:
    """Whether a value is one of those that are accepted of an argument.

    Args:
        value: of a call.
        accepted: the values.
        schema: of the argument.
        texts: how texts are compared.
    """
    return any(_fits(value, one, schema, texts) for one in accepted)


def _paired(fits: Sequence[Sequence[bool]]) -> bool:
    """Whether every row can have a column of its own that fits it (Kuhn's augmenting paths)."""
    holder: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in holder or place(holder[column], tried):
                    holder[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(fits)))


def _fields_fit(
    given: Mapping[str, Any], accepted: Mapping[str, Sequence[Any]], schema: Any, texts: Texts
) -> bool:
    known = properties(schema)
    for name, value in given.items():
        if name not in accepted or not value_fits(value, accepted[name], known.get(name), texts):
            return False
    left_out = [name for name in accepted if name not in given]
    return all(MAY_BE_LEFT_OUT in accepted[name] for name in left_out)


def _fits(value: Any, accepted: Any, schema: Any, texts: Texts) -> bool:
    """Whether a value is the accepted one. A truth value is no number, and a text no value else."""
    if isinstance(accepted, Mapping):
        return isinstance(value, Mapping) and _mapping_fits(value, accepted, schema, texts)
    if isinstance(accepted, list | tuple):
        inner = schema.get("items") if isinstance(schema, Mapping) else None
        return (
            isinstance(value, list | tuple)
            and len(value) == len(accepted)
            and all(_fits(a, b, inner, texts) for a, b in zip(value, accepted, strict=True))
        )
    if isinstance(accepted, str) and isinstance(value, str):
        if accepted == MAY_BE_LEFT_OUT and _kind(schema) not in ("string", None):
            return False
        loose = texts == "loose"
        return standardised(value) == standardised(accepted) if loose else value == accepted
    if isinstance(accepted, bool) or isinstance(value, bool) or not _number(accepted):
        return type(value) is type(accepted) and bool(value == accepted)
    return _number(value) and value == accepted and not _too_precise(value, accepted, schema)


def _mapping_fits(value: Mapping[str, Any], accepted: Any, schema: Any, texts: Texts) -> bool:
    if all(isinstance(one, list) for one in accepted.values()):
        return _fields_fit(value, accepted, schema, texts)
    return bool(value == accepted)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _too_precise(value: Any, accepted: Any, schema: Any) -> bool:
    """Whether a number has a point where the tool takes none, as in `5.0`."""
    whole = isinstance(value, float) and isinstance(accepted, int)
    return whole and _kind(schema) not in ("number", None)


def _kind(schema: Any) -> Any:
    return schema.get("type") if isinstance(schema, Mapping) else None


def _only(value: Any) -> Any:
    """What accepts a value alone."""
    if isinstance(value, Mapping):
        return {key: [_only(one)] for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_only(one) for one in value]
    return value
