"""Which calls an answer makes, by one rule that a spec's options choose from.

1. What stands between `<tool_call>` and `</tool_call>` counts, each time; else the last fenced
   block; else the whole answer. What is never closed goes on to the end of the answer; where the
   answer was cut off there, it is unreadable.
2. As JSON (`notation: json`) the calls begin at the first line that begins with `[` or `{`, and
   are what follows: a list of calls, one call, several one after the other, or a message of an
   assistant with `tool_calls`. A call has a `name` and `arguments` (also `parameters` or `args`), a
   mapping or its JSON text, by itself or below `function`. An empty list calls nothing.
3. As Python (`notation: python`) they are what `notation` reads. With `any` JSON is tried first.
4. A text that does neither says that nothing is called, unless it looks like an attempt: it has a
   block or a tag, a line that begins with `[` or `{`, or the name of a tool before a parenthesis.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from json import JSONDecoder
from typing import Any, Final, Literal

from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, UnreadableCall, called
from dataenvgym_spec.gym.tasks.scorers.program_text import blocks
from dataenvgym_spec.records.turns import ToolSchema

Notation = Literal["any", "json", "python"]
Prose = Literal["no-call", "unreadable"]

ARGUMENTS: Final = ("arguments", "parameters", "args")
"""What the arguments of a call are called, in the order in which they are looked for."""
_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_BEGINS = re.compile(r"^[ \t]*(?=[\[{])", re.MULTILINE)
_BETWEEN = re.compile(r"[\s,;]*")


def calls_of(
    text: str,
    tools: Sequence[ToolSchema] = (),
    *,
    notation: Notation = "any",
    truncated: bool = False,
) -> list[ToolCall] | None:
    """The calls that an answer makes, in their order.

    Args:
        text: the answer.
        tools: what can be called.
        notation: how calls are written.
        truncated: whether it was cut at the longest length allowed.

    Returns:
        The calls, or None of a text that does not speak of any.

    Raises:
        UnreadableCall: it tries to call something, and does not say so in the notation.

    >>> calls_of('[{"name": "add", "arguments": {"a": 1}}]')
    [ToolCall(name='add', arguments={'a': 1})]
    >>> calls_of("Nothing fits.") is None
    True
    """
    parts, marked = _parts(text, truncated)
    calls: list[ToolCall] = []
    for part in parts:
        calls += _read(part, tools, notation, attempt=marked) or ()
    if calls or marked:
        return calls
    return _read(text, tools, notation, attempt=_tries(text, tools))


def _parts(text: str, truncated: bool) -> tuple[list[str], bool]:
    """The parts of an answer that are marked as calls, and whether any is."""
    tagged = list(_TAGGED.finditer(text))
    if tagged:
        if truncated and not tagged[-1].group().endswith("</tool_call>"):
            raise UnreadableCall("its last call is cut off")
        return [found[1] for found in tagged], True
    fenced = list(blocks(text))
    if not fenced:
        return [], False
    if truncated and not fenced[-1].closed:
        raise UnreadableCall("its last block is cut off")
    return [fenced[-1].code], True


def _tries(text: str, tools: Sequence[ToolSchema]) -> bool:
    """Whether a text looks like an attempt to call something."""
    names = "|".join(re.escape(tool.name) for tool in tools)
    named = bool(names) and re.search(rf"(?<![\w.])(?:{names})\(", text) is not None
    return named or _BEGINS.search(text) is not None


def _read(
    text: str, tools: Sequence[ToolSchema], notation: Notation, *, attempt: bool
) -> list[ToolCall] | None:
    """The calls of a part of an answer; None if it speaks of none."""
    faults: list[str] = []
    for kind, read in (("json", _from_json), ("python", called)):
        if notation not in ("any", kind):
            continue
        try:
            calls = read(text, tools)
        except UnreadableCall as fault:
            faults.append(str(fault))
            continue
        if calls is not None:
            return calls
    if attempt:
        raise UnreadableCall(faults[0] if faults else "it has no calls")
    return None


def _from_json(text: str, tools: Sequence[ToolSchema]) -> list[ToolCall] | None:
    """The calls of a text in JSON; None if nothing in it is JSON."""
    begins = _BEGINS.search(text)
    if begins is None:
        return None
    values = list(_values(text, begins.end()))
    return [call for value in values for call in _calls(value)]


def _values(text: str, at: int) -> Iterator[Any]:
    """The JSON values from a place on, one after the other."""
    decoder = JSONDecoder(parse_constant=_refused, strict=False)
    while text[at : at + 1] in ("[", "{"):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise UnreadableCall(f"it is no JSON: {error}") from None
        yield value
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no value of JSON")


def _calls(value: Any) -> Iterator[ToolCall]:
    if isinstance(value, list):
        for one in value:
            yield from _calls(one)
    elif not isinstance(value, dict):
        raise UnreadableCall("a call is a mapping")
    elif isinstance(value.get("tool_calls"), list):
        yield from _calls(value["tool_calls"])
    elif isinstance(value.get("function"), dict):
        yield _call(value["function"])
    elif "role" not in value or "name" in value:
        yield _call(value)


def _call(value: dict[str, Any]) -> ToolCall:
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise UnreadableCall("a call has no name")
    given: Any = next((value[key] for key in ARGUMENTS if key in value), None)
    if isinstance(given, str):
        try:
            given = json.loads(given, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            raise UnreadableCall(f"the arguments of '{name}' are no JSON: {error}") from None
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise UnreadableCall(f"the arguments of '{name}' are no mapping")
    return ToolCall(name=name, arguments=given)
