"""Text to a positioned tree: every key and value knows its file, line and column. Meaning lives in `schema`.

Scalars follow the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema), which PyYAML's own resolver does
not: there `1e-4` is a string, `no` is false and `017` is 15. A file is a stranger's: sizes are bounded while it is read, and text
that a terminal would obey or that no file can hold is refused.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from dataenvgym_spec.core.errors import Diagnostic, Severity, Span, SpecError, character

MAX_BYTES: Final = 400_000
MAX_NODES: Final = 20_000
"""PyYAML takes 25 microseconds a node: half a second at most for a whole file, and some commands read a spec twice."""
MAX_DEPTH: Final = 64

Scalar = str | int | float | bool | None
Json = Scalar | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value with the place it was written at; `key` is the place of the mapping key that holds it."""

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    span: Span
    key: Span | None = None

    def plain(self) -> Json:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def fault(
        self, code: str, message: str, help: str, *, severity: Severity = "error"
    ) -> Diagnostic:
        """A finding about the value."""
        return Diagnostic(code=code, message=message, span=self.span, help=help, severity=severity)

    def key_fault(
        self, code: str, message: str, help: str, *, severity: Severity = "error"
    ) -> Diagnostic:
        """A finding about the key that holds the value."""
        return Diagnostic(
            code=code, message=message, span=self.key or self.span, help=help, severity=severity
        )

    def find(self, *path: str) -> Node | None:
        """The node at a path of keys, or None if there is none."""
        node = self
        for step in path:
            if not isinstance(node.value, dict) or step not in node.value:
                return None
            node = node.value[step]
        return node

    def at(self, path: Iterator[str | int] | tuple[str | int, ...]) -> Node:
        """The node at a path of keys and indexes; stops at the deepest one that exists."""
        node = self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                node = node.value[str(step)]
            elif isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            else:
                break
        return node


_SCALARS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...]] = (
    (re.compile(r"~|null|Null|NULL|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
        lambda text: float(text) + 0.0,
    ),  # -0.0 is 0.0
)
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_STANDARD_TAGS: Final = {
    "",
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:map",
    "tag:yaml.org,2002:seq",
}
_LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What PyYAML counts as the end of a line."""
_BEYOND_UNICODE: Final = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
_UNWRITABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, halves of surrogate pairs and what is no character: YAML refuses them as they are, but knows escapes for them."""


def read(path: Path, *, shown: str | None = None, told: list[Diagnostic] | None = None) -> Node:
    """Reads a spec file.

    Args:
        path: the file.
        shown: how it is named in messages.
        told: takes the findings that leave a tree, such as duplicate keys, so that the rest of the file can be looked at.

    Raises:
        SpecError: the file is missing, too large, not UTF-8 or not valid YAML; without `told`, also what else is found.
    """
    name = shown or str(path)
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        reason = {errno.EISDIR: "is a directory", errno.ENOENT: "does not exist"}.get(
            error.errno or 0
        ) or str(error.strerror)
        raise SpecError(
            [
                Diagnostic(
                    code="E001",
                    message=f"'{name}' {reason}",
                    help="give the path of a YAML spec file",
                )
            ]
        ) from error
    if len(data) > MAX_BYTES:
        raise SpecError(
            [
                Diagnostic(
                    code="E001",
                    message=f"'{name}' is larger than {MAX_BYTES} bytes",
                    help="move data into files the spec names",
                )
            ]
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        span = Span(file=name, line=line, column=1, end_column=2)
        raise SpecError(
            [
                Diagnostic(
                    code="E001", message="the file is not UTF-8", span=span, help="save it as UTF-8"
                )
            ]
        ) from error
    return parse(text, file=name, told=told)


def parse(text: str, *, file: str, told: list[Diagnostic] | None = None) -> Node:
    """Parses YAML text into a positioned tree; `told` takes the findings that leave one.

    >>> parse("a: 1e-4", file="x").plain()
    {'a': 0.0001}

    Raises:
        SpecError: the text is not valid YAML, uses a tag, a merge key or a number that is not finite, or repeats a key.
    """
    parser = _Parser(text, file)
    node = parser.run()
    if parser.found and told is None:
        raise SpecError(parser.found)
    if told is not None:
        told += parser.found
    return node


class _Parser:
    """Composes YAML nodes and converts them, collecting what it finds on the way."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.text = file, text
        self.lines = _LINE_BREAK.split(text)
        self.found: list[Diagnostic] = []
        self.count = 0

    def run(self) -> Node:
        try:
            tree = yaml.compose(self.text, Loader=_Loader)
        except _TooMuch as error:
            raise self._too_much(self._span(error.mark, error.mark)) from error
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise SpecError([self._syntax(error)]) from error
        if tree is None:
            span = Span(file=self.file, line=1, column=1, end_column=2)
            raise SpecError(
                [
                    Diagnostic(
                        code="E002",
                        message="the file is empty",
                        span=span,
                        help="start with 'version: 1'",
                    )
                ]
            )
        return self._convert(tree, depth=0, above=frozenset())

    def _syntax(self, error: Exception) -> Diagnostic:
        if isinstance(error, yaml.reader.ReaderError):
            line = self.text.count("\n", 0, error.position) + 1
            span = Span(file=self.file, line=line, column=1, end_column=2)
            what = f"the file holds a control character: {character(self.text[error.position])}"
            return Diagnostic(code="E002", message=what, span=span, help="remove it")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
            at = found.start() if (found := _BEYOND_UNICODE.search(self.text)) else 0
            line, column = self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)
            span = Span(
                file=self.file,
                line=line,
                column=column,
                end_column=column + 10,
                text=self.lines[min(line, len(self.lines)) - 1],
            )
            return Diagnostic(
                code="E002",
                message=f"the file cannot be parsed: {error}",
                span=span,
                help="check its escapes and directives",
            )
        span = self._span(mark, mark)
        problem = error.problem or "cannot be parsed"
        if "'\\t'" in problem:
            return Diagnostic(
                code="E002",
                message="a tab is used for indentation",
                span=span,
                help="indent with spaces",
            )
        return Diagnostic(
            code="E002",
            message=f"invalid YAML: {problem}",
            span=span,
            help="check indentation, quotes and brackets around this place",
        )

    def _span(self, start: yaml.Mark, end: yaml.Mark) -> Span:
        text = self.lines[start.line] if start.line < len(self.lines) else ""
        stop = end.column + 1 if end.line == start.line else len(text.rstrip()) + 1
        return Span(
            file=self.file,
            line=start.line + 1,
            column=start.column + 1,
            end_column=max(stop, start.column + 2),
            text=text,
        )

    def _too_much(self, span: Span) -> SpecError:
        message = f"the file holds more than {MAX_NODES} values or nests them deeper than {MAX_DEPTH} levels, aliases counted where they stand"
        return SpecError(
            [
                Diagnostic(
                    code="E003",
                    message=message,
                    span=span,
                    help="write less, flatter and without aliases that grow",
                )
            ]
        )

    def _report(self, code: str, message: str, node: yaml.Node, help: str) -> None:
        self.found.append(
            Diagnostic(
                code=code,
                message=message,
                span=self._span(node.start_mark, node.end_mark),
                help=help,
            )
        )

    def _convert(
        self, node: yaml.Node, *, depth: int, above: frozenset[int], key: Span | None = None
    ) -> Node:
        self.count += 1
        span = self._span(node.start_mark, node.end_mark)
        if self.count > MAX_NODES or depth > MAX_DEPTH or id(node) in above:
            raise self._too_much(span)
        inner = above | {id(node)}
        if isinstance(node, yaml.MappingNode):
            self._tag(node)
            return Node(value=self._mapping(node, depth, inner), span=span, key=key)
        if isinstance(node, yaml.SequenceNode):
            self._tag(node)
            items = tuple(
                self._convert(child, depth=depth + 1, above=inner) for child in node.value
            )
            return Node(value=items, span=span, key=key)
        assert isinstance(node, yaml.ScalarNode)
        return Node(value=self._scalar(node), span=span, key=key)

    def _tag(self, node: yaml.Node) -> None:
        if node.tag not in _STANDARD_TAGS:
            self._report(
                "E003",
                f"the tag '{_short(node.tag)}' is not allowed",
                node,
                "a spec is data: remove the tag",
            )

    def _mapping(
        self, node: yaml.MappingNode, depth: int, above: frozenset[int]
    ) -> dict[str, Node]:
        out: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report("E103", "a key must be a plain name", key, "use a word as the key")
                continue
            name, span = str(key.value), self._span(key.start_mark, key.end_mark)
            self._tag(key)
            if not name.isprintable():
                odd = next(letter for letter in name if not letter.isprintable())
                self._report(
                    "E003",
                    f"a key holds {character(odd)}",
                    key,
                    "remove it: a key is plain, visible text",
                )
            elif name == "<<" and key.style is None:
                self._report("E003", "merge keys ('<<') are not allowed", key, "write the keys out")
            elif name in out:
                first = out[name].key
                where = f", first written in line {first.line}" if first else ""
                self._report("E101", f"duplicate key '{name}'{where}", key, "keep one of them")
            else:
                out[name] = self._convert(value, depth=depth + 1, above=above, key=span)
        return out

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        text = str(node.value)
        self._tag(node)
        if found := _UNWRITABLE.search(text):
            self._report("E003", f"a text holds {character(found[0])}", node, "remove it")
        if (
            node.style is not None
            or node.tag
            or self.text[node.start_mark.index : node.start_mark.index + 1] == "!"
        ):
            return text
        if _NOT_FINITE.fullmatch(text):
            self._report("E003", f"'{text}' is not a finite number", node, "write a finite number")
            return text
        return _resolve(text, lambda message, help: self._report("E003", message, node, help))


class _TooMuch(Exception):
    """A text with more nodes or levels than a spec may have."""

    def __init__(self, mark: yaml.Mark) -> None:
        self.mark = mark


class _Loader(yaml.SafeLoader):
    """Composes nodes within bounds. The tag of a node is the one that is written, or empty."""

    nodes = depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Counts on the way down, so that a bomb costs no more than a large spec."""
        self.nodes, self.depth = self.nodes + 1, self.depth + 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH + 1:
            raise _TooMuch(self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """No meaning is guessed here: the rules of YAML 1.2 are in `_SCALARS`."""
        return ""


def is_text(text: str) -> bool:
    """Whether a plain scalar is the text that it is written as, and not a number, a truth value or nothing."""
    return not _NOT_FINITE.fullmatch(text) and not any(
        pattern.fullmatch(text) for pattern, _ in _SCALARS
    )


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:60]


def _resolve(text: str, report: Callable[[str, str], None]) -> Scalar:
    for pattern, convert in _SCALARS:
        if pattern.fullmatch(text):
            if len(text) > 40:
                report(f"the number '{text[:20]}...' is too long", "write a shorter number")
                return text
            value = convert(text)
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
                report("an integer beyond 64 bits", "write a smaller number")
            if isinstance(value, float) and value in (float("inf"), float("-inf")):
                report(f"'{text}' is not a finite number", "write a smaller number")
                return text
            return value
    return text
