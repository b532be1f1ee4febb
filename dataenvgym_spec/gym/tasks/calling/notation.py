"""Calls as Python writes them: `f(a=1)`, a list of calls, or a program whose steps are calls.

A program's steps are the assignments and expressions of its module and of its functions, in their
order. What a step takes from the result of an earlier one is a reference, `<node-0>` or
`<node-0>.text`, as MnMs has it in its plans; so is a call that stands inside of another one. Other
statements (imports, `return`) do not count.
"""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.records.turns import ToolSchema

_NAMED: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
"""Values of JSON that a text in Python may have."""
_SKIPPED: Final = (ast.Import, ast.ImportFrom, ast.Return, ast.Pass)


class UnreadableCall(ValueError):
    """A text that tries to call something, and is neither JSON nor Python that calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a tool: its name, and its arguments by name."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The call as JSON has it."""
        return {"name": self.name, "arguments": dict(self.arguments)}


def written(calls: Sequence[ToolCall]) -> str:
    """Calls as they are taught: a list in JSON.

    >>> written([ToolCall(name="add", arguments={"a": 1})])
    '[{"name": "add", "arguments": {"a": 1}}]'
    """
    return json.dumps([call.plain() for call in calls], ensure_ascii=False)


def called(text: str, tools: Sequence[ToolSchema] = ()) -> list[ToolCall] | None:
    r"""The calls of a text in Python; None if it is one without any.

    Args:
        text: a program, a call or a list of calls.
        tools: whose parameters say what arguments without a name are.

    Raises:
        UnreadableCall: it is no Python, or calls something in another way.

    >>> called("x = add(a=1)\ny = add(a=x['sum'])")[1].arguments
    {'a': '<node-0>.sum'}
    """
    try:
        tree = ast.parse(textwrap.dedent(text).strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableCall(f"it is no Python: {error}") from None
    reader = _Reader(tools)
    try:
        for statement in tree.body:
            reader.statement(statement)
    except RecursionError:
        raise UnreadableCall("it is nested too deeply") from None
    return reader.calls or None


class _Reader:
    """Reads a program's steps."""

    def __init__(self, tools: Sequence[ToolSchema]) -> None:
        self.calls: list[ToolCall] = []
        self.results: dict[str, str] = {}
        self.parameters = {tool.name: _parameters(tool) for tool in tools}

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.FunctionDef):
            for inner in node.body:
                self.statement(inner)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            self._assign(node)
        elif isinstance(node, ast.Expr):
            self._expression(node.value)
        elif not isinstance(node, _SKIPPED):
            raise UnreadableCall(f"a plan has no {type(node).__name__.lower()}")

    def _assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is None or len(targets) != 1 or not isinstance(targets[0], ast.Name):
            raise UnreadableCall("a step has another result than a name")
        self.results[targets[0].id] = self.value(node.value)

    def _expression(self, node: ast.expr) -> None:
        """What a line calls that keeps no result; a text alone is a comment."""
        if isinstance(node, ast.List | ast.Tuple):
            for inner in node.elts:
                self._expression(inner)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif not isinstance(node, ast.Constant):
            raise UnreadableCall("a step is no call")

    def value(self, node: ast.expr) -> Any:
        """What an argument is: a value, or a reference to an earlier result."""
        if isinstance(node, ast.Constant):
            return _plain(node.value)
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(inner) for inner in node.elts]
        if isinstance(node, ast.Dict):
            return dict(self._pairs(node))
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return _signed(node.op, self.value(node.operand))
        return self._reference(node)

    def _pairs(self, node: ast.Dict) -> Iterator[tuple[str, Any]]:
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                raise UnreadableCall("a key of a mapping is no text")
            yield key.value, self.value(value)

    def _reference(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            if node.id in self.results:
                return self.results[node.id]
            if node.id in _NAMED:
                return _NAMED[node.id]
            raise UnreadableCall(f"'{node.id}' stands for nothing")
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            return f"{self.value(node.value)}.{_plain(node.slice.value)}"
        if isinstance(node, ast.Attribute):
            return f"{self.value(node.value)}.{node.attr}"
        if isinstance(node, ast.JoinedStr):
            return "".join(str(self.value(part)) for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return self.value(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            both = self.value(node.left), self.value(node.right)
            if any(isinstance(part, str) for part in both):
                return "".join(map(str, both))
        raise UnreadableCall(f"an argument is computed ({type(node).__name__})")

    def _call(self, node: ast.Call) -> str:
        """Adds a call; returns the reference to its result."""
        name = _dotted(node.func)
        given = dict(self._unnamed(name, node.args))
        for keyword in node.keywords:
            if keyword.arg is None:
                raise UnreadableCall(f"arguments of '{name}' have no name")
            given[keyword.arg] = self.value(keyword.value)
        self.calls.append(ToolCall(name=name, arguments=given))
        return f"<node-{len(self.calls) - 1}>"

    def _unnamed(self, name: str, values: Sequence[ast.expr]) -> Iterator[tuple[str, Any]]:
        """Arguments without a name, which the tool's parameters name in their order."""
        names = self.parameters.get(name, ())
        if len(values) > len(names):
            raise UnreadableCall(f"arguments of '{name}' have no name")
        for known, value in zip(names, values, strict=False):
            yield known, self.value(value)


def _parameters(tool: ToolSchema) -> tuple[str, ...]:
    return tuple(tool.parameters.get("properties", {}))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise UnreadableCall("what is called has no name")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise UnreadableCall(f"an argument is {type(value).__name__}")


def _signed(sign: ast.unaryop, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableCall("a sign stands before what is no number")
    return -value if isinstance(sign, ast.USub) else value
