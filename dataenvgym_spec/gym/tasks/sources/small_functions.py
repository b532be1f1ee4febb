"""The tools of `small-tools`: small functions over numbers, words and lists, and their wordings.

Not a source itself. A function is read as it stands here where its calls are executed, so it uses
nothing but what is built into Python.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final, get_type_hints

from dataenvgym_spec.records.turns import ToolSchema

Draw = Callable[[Random, int], dict[str, Any]]

WORDS: Final = (
    "apple", "bridge", "candle", "desert", "engine", "flower", "garden", "hammer", "island",
    "jacket", "kettle", "ladder", "marble", "needle", "orange", "pencil", "rabbit", "saddle",
    "tunnel", "violin",
)  # fmt: skip
_TYPES: Final[Mapping[Any, dict[str, Any]]] = {
    int: {"type": "integer"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    list[int]: {"type": "array", "items": {"type": "integer"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallTool:
    """A function that can be called, and how it is asked for.

    Attributes:
        function: what it does. Its docstring is the description.
        wordings: requests that call it, with the arguments in braces; the first is an imperative.
        chained: the same, where its first argument is the result of the step before.
        draw: draws arguments; the largest number is handed on.
    """

    function: Callable[..., Any]
    wordings: tuple[str, ...]
    chained: str
    draw: Draw

    @property
    def name(self) -> str:
        """What a call names."""
        return self.function.__name__

    @property
    def first(self) -> str:
        """The first of its parameters."""
        return next(iter(inspect.signature(self.function).parameters))

    @property
    def takes(self) -> Any:
        """The type of its first parameter."""
        return get_type_hints(self.function)[self.first]

    @property
    def gives(self) -> Any:
        """The type of its result."""
        return get_type_hints(self.function)["return"]

    @property
    def defaults(self) -> dict[str, Any]:
        """What its parameters are that may be left out."""
        parameters = inspect.signature(self.function).parameters.items()
        empty = inspect.Parameter.empty
        return {name: one.default for name, one in parameters if one.default is not empty}


@cache
def source_of(tool: SmallTool) -> str:
    """The function of a tool as it is written."""
    return textwrap.dedent(inspect.getsource(tool.function))


@cache
def schema_of(tool: SmallTool) -> ToolSchema:
    """What is said of a tool to who may call it."""
    hints, defaults = get_type_hints(tool.function), tool.defaults
    properties = {}
    for name in inspect.signature(tool.function).parameters:
        default = {"default": defaults[name]} if name in defaults else {}
        properties[name] = {**_TYPES[hints[name]], **default}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in defaults],
    }
    described = inspect.getdoc(tool.function) or ""
    return ToolSchema(name=tool.name, description=described, parameters=parameters)


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def subtract(a: int, b: int) -> int:
    """What is left of a number when another one is taken away."""
    return a - b


def multiply(a: int, b: int) -> int:
    """The product of two numbers."""
    return a * b


def remainder(a: int, b: int) -> int:
    """What a division leaves over."""
    return a % b


def reverse(word: str) -> str:
    """A word read from its end."""
    return word[::-1]


def count_letter(word: str, letter: str) -> int:
    """How often a letter stands in a word."""
    return word.count(letter)


def repeat(word: str, times: int) -> str:
    """A word several times, without a gap."""
    return word * times


def join(word: str, other: str) -> str:
    """Two words as one."""
    return word + other


def total(numbers: list[int]) -> int:
    """The sum of a list."""
    return sum(numbers)


def sort(numbers: list[int], descending: bool = False) -> list[int]:
    """A list in order: from the smallest number on, or from the largest."""
    return sorted(numbers, reverse=descending)


def at_least(numbers: list[int], limit: int) -> list[int]:
    """The numbers of a list that are not below a limit."""
    return [number for number in numbers if number >= limit]


def place_of(numbers: list[int], wanted: int) -> int:
    """Where a number stands in a list, counted from one; 0 if it does not."""
    return numbers.index(wanted) + 1 if wanted in numbers else 0


def _two(rng: Random, largest: int) -> dict[str, Any]:
    return {"a": rng.randint(1, largest), "b": rng.randint(1, largest)}


def _word(rng: Random, _: int) -> dict[str, Any]:
    return {"word": rng.choice(WORDS)}


def _word_and_letter(rng: Random, _: int) -> dict[str, Any]:
    word = rng.choice(WORDS)
    return {"word": word, "letter": rng.choice(word)}


def _word_and_times(rng: Random, _: int) -> dict[str, Any]:
    return {"word": rng.choice(WORDS), "times": rng.randint(2, 9)}


def _two_words(rng: Random, _: int) -> dict[str, Any]:
    return {"word": rng.choice(WORDS), "other": rng.choice(WORDS)}


def _numbers(rng: Random, largest: int) -> list[int]:
    return [rng.randint(1, largest) for _ in range(rng.randint(2, 4))]


def _list(rng: Random, largest: int) -> dict[str, Any]:
    return {"numbers": _numbers(rng, largest)}


def _falling_list(rng: Random, largest: int) -> dict[str, Any]:
    return {"numbers": _numbers(rng, largest), "descending": rng.random() < 0.5}


def _list_and_limit(rng: Random, largest: int) -> dict[str, Any]:
    return {"numbers": _numbers(rng, largest), "limit": rng.randint(1, largest)}


def _list_and_wanted(rng: Random, largest: int) -> dict[str, Any]:
    numbers = _numbers(rng, largest)
    return {"numbers": numbers, "wanted": rng.choice(numbers)}


def _tool(function: Callable[..., Any], draw: Draw, chained: str, *wordings: str) -> SmallTool:
    return SmallTool(function=function, wordings=wordings, chained=chained, draw=draw)


TOOLS: Final[Mapping[str, tuple[SmallTool, ...]]] = {
    "numbers": (
        _tool(add, _two, "add {b} to it", "add {a} and {b}", "what is {a} plus {b}"),
        _tool(subtract, _two, "take {b} from it", "take {b} from {a}", "what is {a} minus {b}"),
        _tool(multiply, _two, "multiply it by {b}", "multiply {a} by {b}", "what is {a} times {b}"),
        _tool(
            remainder, _two, "give what dividing it by {b} leaves",
            "give what dividing {a} by {b} leaves", "what is {a} modulo {b}",
        ),
    ),
    "words": (
        _tool(reverse, _word, "spell it backward", "spell {word} backward", "reverse {word}"),
        _tool(
            count_letter, _word_and_letter, "count the letter {letter} in it",
            "count the letter {letter} in {word}", "how often has {word} the letter {letter}",
        ),
        _tool(
            repeat, _word_and_times, "write it {times} times",
            "write {word} {times} times", "repeat {word} {times} times",
        ),
        _tool(
            join, _two_words, "put {other} behind it",
            "put {other} behind {word}", "join {word} and {other}",
        ),
    ),
    "lists": (
        _tool(total, _list, "sum it up", "sum up {numbers}", "what do {numbers} come to"),
        _tool(sort, _falling_list, "sort it{descending}", "sort {numbers}{descending}",
              "put {numbers} in order{descending}"),
        _tool(
            at_least, _list_and_limit, "keep what of it is at least {limit}",
            "keep what of {numbers} is at least {limit}",
            "drop from {numbers} what is below {limit}",
        ),
        _tool(
            place_of, _list_and_wanted, "find {wanted} in it",
            "find {wanted} in {numbers}", "where in {numbers} is {wanted}",
        ),
    ),
}  # fmt: skip
"""The tools of each topic."""


def worded(template: str, arguments: Mapping[str, Any]) -> str:
    """A request in words.

    >>> worded("sort {numbers}{descending}", {"numbers": [3, 1], "descending": True})
    'sort 3, 1 from the largest on'
    """
    said = {name: _said(value) for name, value in arguments.items()}
    return template.format_map(said)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return " from the largest on" if value else ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
