"""Layouts of rows that tools for instruction tuning share: alpaca, sharegpt and messages.

Each turns a row into one with the columns `input` (what is asked last), `target` (the answer to
it) and, where something was said before, `before`; other columns stay as they are. The names and
columns are those of the formats as data sets have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dataenvgym_spec.records.files import Row
from dataenvgym_spec.records.tables import RowFault, text_of
from dataenvgym_spec.records.turns import Turn

INPUT, TARGET, BEFORE = "input", "target", "before"
COLUMNS: Final = (INPUT, TARGET, BEFORE)
"""The columns that a laid-out row has; the last only where something was said before."""
ROLES: Final[Mapping[str, str]] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "tool": "tool",
    "observation": "tool",
}
"""Who speaks, by the names that data sets have for it."""
MENDED: Final = "correct the row, or write 'bad_rows: skip'"
"""What to do about a row that does not fit its layout."""


def laid_out(layout: str, number: int, row: Row, *, unit: str = "line") -> Row:
    """A row with the columns `input`, `target` and `before`.

    Args:
        layout: its name.
        number: the row's.
        row: as the file has it.
        unit: what is numbered.

    Raises:
        RowFault: it is not as the layout has it.
    """
    try:
        return LAYOUTS[layout](row)
    except KeyError as error:
        reason = f"has no column {error}, which the layout '{layout}' needs"
    except ValueError as error:
        reason = f"has {error}"
    raise RowFault(line=number, reason=reason, help=MENDED, unit=unit)


def turns_of(value: Any) -> tuple[Turn, ...]:
    """The turns of a conversation: a list of `role` and `content`, or of `from` and `value`.

    Examples:
        >>> turns_of([{"from": "human", "value": "1 + 1?"}])
        (Turn(role='user', text='1 + 1?', images=()),)

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    if not isinstance(value, list):
        raise ValueError("no list of turns")
    return tuple(_turn(part) for part in value)


def _turn(part: Any) -> Turn:
    if not isinstance(part, Mapping):
        raise ValueError("a turn that is no object")
    who, said = ("from", "value") if "from" in part else ("role", "content")
    if not {who, said} <= part.keys():
        raise ValueError(f"a turn without '{who}' and '{said}'")
    role = ROLES.get(str(part[who]))
    if role is None:
        raise ValueError(f"a turn of '{part[who]}', which is none of {', '.join(ROLES)}")
    if part.get("tool_calls"):
        raise ValueError("a turn that calls tools, which this layout does not read")
    return Turn(role=role, text=_said(part[said]))  # type: ignore[arg-type]


def _said(content: Any) -> str:
    """The text of a turn: itself, or parts of which each is a text."""
    if not isinstance(content, list):
        return text_of(content)
    texts = []
    for part in content:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            raise ValueError("a turn with a part that is no text")
        texts.append(part["text"])
    return text_of("".join(texts))


def _row(row: Row, taken: Sequence[str], turns: Sequence[Turn], *, where: str) -> Row:
    """What is left of a row besides the columns of a layout, with its turns in their place."""
    if len(turns) < 2 or [turn.role for turn in turns[-2:]] != ["user", "assistant"]:
        roles = " and ".join(turn.role for turn in turns[-2:]) or "nobody"
        raise ValueError(f"turns of {roles} last in '{where}', not a question and its answer")
    *before, asked, answer = turns
    clash = next((name for name in COLUMNS if name in row and name not in taken), None)
    if clash is not None:
        raise ValueError(f"a column '{clash}' beside '{where}', where the layout puts its own")
    rest = {name: value for name, value in row.items() if name not in taken}
    if before:
        rest[BEFORE] = [{"role": turn.role, "content": turn.text} for turn in before]
    return {**rest, INPUT: asked.text, TARGET: answer.text}


def _alpaca(row: Row) -> Row:
    """`instruction` and `input`, joined by a line break; `output`; perhaps `system`, `history`."""
    asked = [row["instruction"], row.get("input")]
    question = "\n".join(text_of(part) for part in asked if _is_said(part))
    if not question:
        raise ValueError("no text in 'instruction' and 'input'")
    turns = _system(row)
    for exchange in row.get("history") or ():
        if not isinstance(exchange, list | tuple) or len(exchange) != 2:
            raise ValueError("a 'history' that is no list of pairs")
        turns.append(Turn(role="user", text=text_of(exchange[0])))
        turns.append(Turn(role="assistant", text=text_of(exchange[1])))
    turns.append(Turn(role="user", text=question))
    turns.append(Turn(role="assistant", text=text_of(row["output"])))
    taken = ("instruction", "input", "output", "system", "history")
    return _row(row, taken, turns, where="instruction")


def _sharegpt(row: Row) -> Row:
    """`conversations` of `from` and `value`; perhaps `system`."""
    return _conversation(row, "conversations")


def _messages(row: Row) -> Row:
    """`messages` of `role` and `content`."""
    return _conversation(row, "messages")


def _conversation(row: Row, column: str) -> Row:
    if _is_said(row.get("tools")):
        raise ValueError("tools, which this layout does not read")
    turns = [*_system(row), *turns_of(row[column])]
    return _row(row, (column, "system", "tools"), turns, where=column)


def _system(row: Row) -> list[Turn]:
    said = row.get("system")
    return [Turn(role="system", text=text_of(said))] if _is_said(said) else []


def _is_said(value: Any) -> bool:
    """Whether a cell holds anything; `null`, an empty text and an empty list do not."""
    return bool(value.strip()) if isinstance(value, str) else bool(value)


LAYOUTS: Final[Mapping[str, Callable[[Row], Row]]] = {
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "messages": _messages,
}
