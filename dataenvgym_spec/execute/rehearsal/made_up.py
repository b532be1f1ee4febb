"""Questions and rows that are made up, where the real ones cannot be had. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.hashing import seed_from

ANSWER: Final = "ANSWER"
"""What stands for the number in the form of an answer."""
PLAIN: Final = ANSWER
GROUPS: Final = 3
"""How many groups made-up rows have."""
WORDS: Final = (
    "amber", "basket", "canyon", "dolphin", "ember", "falcon", "garden", "harbor", "island",
    "jungle", "kettle", "lantern", "marble", "needle", "orchard", "pepper", "quarry", "ribbon",
    "saddle", "timber", "umbrella", "valley", "walnut", "yellow", "anchor", "button", "candle",
    "desert", "engine", "feather", "glacier", "hammer", "insect", "jacket",
)  # fmt: skip
LENGTH: Final = 8
"""Words before the sum, so that no two questions have many in a row in common."""
_SUM: Final = re.compile(r"What is (\d+) \+ (\d+)\?")


class Unmade(Exception):
    """A column whose content cannot be made up; its role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A question that is made up, with its answer."""

    question: str
    answer: int


def made(*identity: object) -> Made:
    """A question that depends on what it is for, and on nothing else."""
    rng = random.Random(seed_from("rehearsal", list(map(str, identity))))
    words = " ".join(rng.choices(WORDS, k=LENGTH))
    one, other = rng.randrange(1000), rng.randrange(1000)
    question = f"{words.capitalize()}: What is {one} + {other}?"
    return Made(question=question, answer=one + other)


def answered(text: str) -> int | None:
    """The answer to the last made-up question in a text; None if it holds none.

    >>> answered("Solve it. What is 2 + 5?")
    7
    """
    sums = _SUM.findall(text)
    return int(sums[-1][0]) + int(sums[-1][1]) if sums else None


def phrased(form: str, answer: int) -> str:
    r"""An answer in the form in which a scorer finds it.

    >>> phrased(r"It is \boxed{ANSWER}.", 7)
    'It is \\boxed{7}.'
    """
    return form.replace(ANSWER, str(answer))


def spread(template: Any, values: Mapping[str, Any]) -> Any:
    """A template, at any depth of lists and objects, with values in place of words.

    A text that is one of the words becomes its value; inside of a longer text it is written out.

    >>> spread({"a": ["NUMBER", "no. NUMBER"]}, {"NUMBER": 7})
    {'a': [7, 'no. 7']}
    """
    if isinstance(template, Mapping):
        return {spread(key, values): spread(inner, values) for key, inner in template.items()}
    if isinstance(template, list):
        return [spread(inner, values) for inner in template]
    if not isinstance(template, str):
        return template
    if template in values:
        return values[template]
    for word, value in values.items():
        template = template.replace(word, str(value))
    return template


def rows(
    columns: Mapping[str, str], *, count: int, first: int, form: str
) -> Iterator[dict[str, Any]]:
    """Rows with the columns that a spec names.

    Args:
        columns: their roles by their paths, as `declared` has them; `key` is one to join by.
        count: how many rows.
        first: the number of the first; rows of one number fit together.
        form: of an answer.

    Raises:
        Unmade: a column is of another role.
    """
    for number in range(first, first + count):
        row: dict[str, Any] = {}
        for path, role in columns.items():
            _put(row, path.split("."), _value(role, number, form))
        yield row


def _value(role: str, number: int, form: str) -> Any:
    asked = made("row", number)
    values: dict[str, Any] = {
        "input": asked.question,
        "target": phrased(form, asked.answer),
        "group": f"group {number % GROUPS + 1}",
        "cluster": f"cluster {number}",
        "key": f"row {number}",
        "before": [
            {"role": "user", "content": "Can you add?"},
            {"role": "assistant", "content": "Yes."},
        ],
        "messages": [
            {"role": "user", "content": asked.question},
            {"role": "assistant", "content": phrased(form, asked.answer)},
        ],
        "conversations": [
            {"from": "human", "value": asked.question},
            {"from": "gpt", "value": phrased(form, asked.answer)},
        ],
        "nothing": "",
    }
    if role not in values:
        raise Unmade(role)
    return values[role]


def _put(holder: dict[str, Any], steps: list[str], value: Any) -> None:
    """Puts a value at a path: a number is an element of a list, `*` is every element."""
    step, *rest = steps
    if not rest:
        holder[step] = value
        return
    if rest[0] == "*" or rest[0].isdigit():
        count = 1 if rest[0] == "*" else int(rest[0]) + 1
        inner: dict[str, Any] = {}
        if rest[1:]:
            _put(inner, rest[1:], value)
        holder[step] = [inner if rest[1:] else value] * count
        return
    _put(holder.setdefault(step, {}), rest, value)


LAYOUTS: Final[dict[str, dict[str, str]]] = {
    "alpaca": {"instruction": "input", "input": "nothing", "output": "target"},
    "sharegpt": {"conversations": "conversations"},
    "messages": {"messages": "messages"},
}
"""The columns of rows that have a layout; see `records.layouts`."""
