"""Text to a positioned tree: every key and value knows its file, line and column.

A file is a stranger's: its size is bounded while it is read, and text that a terminal would obey or
that no file can hold is refused. The values of scalars are in `scalars`, their meaning in `schema`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import yaml

from dataenvgym_spec.core.errors import Diagnostic, Severity, Span, SpecError, character
from dataenvgym_spec.language import scalars
from dataenvgym_spec.language.composing import MAX_DEPTH, MAX_NODES, TooMuch, compose
from dataenvgym_spec.language.indentation import indent, misplaced
from dataenvgym_spec.language.scalars import Scalar

MAX_BYTES: Final = 400_000
Json = Scalar | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value with the place where it was written.

    Attributes:
        value: a scalar, the items of a list, or the values of a mapping by key.
        span: the place of the value.
        key: the place of the mapping key that holds the value.
    """

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
        span = self.key or self.span
        return Diagnostic(code=code, message=message, span=span, help=help, severity=severity)

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
            child = node._child(step)
            if child is None:
                return node
            node = child
        return node

    def _child(self, step: str | int) -> Node | None:
        if isinstance(self.value, dict):
            return self.value.get(str(step)) if step in self.value else None
        if isinstance(self.value, tuple) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None


_STANDARD_TAGS: Final = {
    "",
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:map",
    "tag:yaml.org,2002:seq",
}
_LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What PyYAML counts as the end of a line."""
_NO_COLON: Final = "could not find expected ':'"
_MISFITS: Final = ("expected <block end>", "mapping values are not allowed here")
"""What PyYAML says at the second of two lines of which one is indented wrongly."""
_ODD: Final = "this line is indented otherwise than what follows"
_REMEDIES: Final = {
    _ODD: "indent this line as its neighbours are",
    "mapping values are not allowed here": (
        "put a text with ': ' in quotes; indent a key as its neighbours are"
    ),
    "expected <block end>": "indent this line as its neighbours are",
    "cannot start any token": "put the text in quotes",
    "undefined alias": "put a text that begins with '*' in quotes",
}
"""What to do, by a part of what PyYAML says."""
_OPEN: Final = {
    "while parsing a flow mapping": "the bracket that opens",
    "while parsing a flow sequence": "the bracket that opens",
    "while scanning a quoted scalar": "the quotes that open",
}
"""What PyYAML was reading, where a fault is seen that may be lines above it."""
_CONFLICT: Final = re.compile(r"^<{7} ", re.MULTILINE)
"""Where a merge of git begins to differ."""
_BEYOND_UNICODE: Final = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
_UNWRITABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, halves of surrogate pairs and noncharacters.

YAML refuses them as they are, but has escapes for them.
"""


def read(path: Path, *, shown: str | None = None, faults: list[Diagnostic] | None = None) -> Node:
    """Reads a spec file.

    Args:
        path: the file.
        shown: how messages name it.
        faults: takes the findings that leave a tree, such as duplicate keys, so that the rest of
            the file can be looked at.

    Raises:
        SpecError: the file is missing, too large, not UTF-8 or not valid YAML; without `faults`,
            also for every other finding.
    """
    name = shown or str(path)
    try:
        with path.open("rb") as handle:
            # One byte more than allowed tells that there are more, however large the file is.
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"'{name}' {_reason(error)}"
        raise _failure("E001", message, "give the path of a YAML spec file") from error
    if len(data) > MAX_BYTES:
        message = f"'{name}' is larger than {MAX_BYTES} bytes"
        raise _failure("E001", message, "move data into files the spec names")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        span = Span(file=name, line=line, column=1, end_column=2)
        raise _failure("E001", "the file is not UTF-8", "save it as UTF-8", span) from error
    return parse(text, file=name, faults=faults)


def parse(text: str, *, file: str, faults: list[Diagnostic] | None = None) -> Node:
    """Parses YAML text into a positioned tree; `faults` takes the findings that leave one.

    >>> parse("a: 1e-4", file="x").plain()
    {'a': 0.0001}

    Raises:
        SpecError: the text is not valid YAML, uses a tag, a merge key or a number that is not
            finite, or repeats a key.
    """
    parser = _Parser(text, file)
    node = parser.run()
    if parser.findings and faults is None:
        raise SpecError(parser.findings)
    if faults is not None:
        faults += parser.findings
    return node


def _failure(code: str, message: str, help: str, span: Span | None = None) -> SpecError:
    return SpecError([Diagnostic(code=code, message=message, span=span, help=help)])


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.EISDIR:
            return "is a directory"
        case errno.ENOENT:
            return "does not exist"
    return str(error.strerror)


class _Parser:
    """Composes YAML nodes and converts them, collecting findings on the way."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.text = file, text
        self.lines = _LINE_BREAK.split(text)
        self.findings: list[Diagnostic] = []
        self.count = 0

    def run(self) -> Node:
        try:
            tree = compose(self.text)
        except TooMuch as error:
            self._too_much(self._span(error.mark, error.mark))
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise SpecError([self._syntax(error)]) from error
        if tree is None:
            span = Span(file=self.file, line=1, column=1, end_column=2)
            raise _failure("E002", "the file is empty", "start with 'version: 1'", span)
        return self._convert(tree, depth=0, above=frozenset())

    def _syntax(self, error: Exception) -> Diagnostic:
        """Why PyYAML cannot read the text, and where."""
        conflict = _CONFLICT.search(self.text)
        if conflict:
            message = "git left a conflict here, which is not settled"
            help = "keep one of its two sides, without git's lines around them"
            place = self._at(conflict.start(), 7)
            return Diagnostic(code="E002", message=message, span=place, help=help)
        if isinstance(error, yaml.reader.ReaderError):
            line = self.text.count("\n", 0, error.position) + 1
            span = Span(file=self.file, line=line, column=1, end_column=2)
            letter = character(self.text[error.position])
            message = f"the file holds a control character: {letter}"
            return Diagnostic(code="E002", message=message, span=span, help="remove it")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
            message = f"the file cannot be parsed: {error}"
            help = "check its escapes and directives"
            return Diagnostic(code="E002", message=message, span=self._odd_escape(), help=help)
        problem = error.problem or "cannot be parsed"
        # PyYAML notices a missing colon where the next line begins; the fault is where the key is.
        if problem == _NO_COLON and error.context_mark is not None:
            mark = error.context_mark
        if problem.startswith(_MISFITS):
            line = misplaced(self.lines, mark.line, _is_yaml)
            if line < mark.line:
                mark, problem = yaml.Mark("", 0, line, indent(self.lines[line]), None, 0), _ODD
        message = f"invalid YAML: {problem}"
        usual = "check indentation, quotes and brackets around this place"
        help = next((text for part, text in _REMEDIES.items() if part in problem), usual)
        if "'\\t'" in problem:
            message, help = "a tab is used for indentation", "indent with spaces"
        notes: tuple[str, ...] = ()
        opened = _OPEN.get(error.context or "")
        if opened and error.context_mark is not None:
            notes = (f"in {opened} at {self._span(error.context_mark, error.context_mark)}",)
        place = self._span(mark, mark)
        return Diagnostic(code="E002", message=message, span=place, help=help, notes=notes)

    def _odd_escape(self) -> Span:
        """The first escape beyond Unicode, where PyYAML fails without a place; else the start."""
        escape = _BEYOND_UNICODE.search(self.text)
        return self._at(escape.start() if escape else 0, 10)

    def _at(self, index: int, width: int) -> Span:
        """A place of the text, by the characters before it."""
        line = self.text.count("\n", 0, index) + 1
        column = index - self.text.rfind("\n", 0, index)
        text = self.lines[min(line, len(self.lines)) - 1]
        return Span(file=self.file, line=line, column=column, end_column=column + width, text=text)

    def _span(self, start: yaml.Mark, end: yaml.Mark) -> Span:
        text = self.lines[start.line] if start.line < len(self.lines) else ""
        # Not for every node: all nodes may stand on one very long line.
        stop = end.column + 1 if end.line == start.line else len(text.rstrip()) + 1
        return Span(
            file=self.file,
            line=start.line + 1,
            column=start.column + 1,
            end_column=max(stop, start.column + 2),
            text=text,
        )

    def _too_much(self, span: Span) -> NoReturn:
        message = (
            f"the file holds more than {MAX_NODES} values or nests them deeper than {MAX_DEPTH} "
            "levels, aliases counted where they stand"
        )
        help = "write less, flatter and without aliases that grow"
        raise _failure("E003", message, help, span)

    def _report(self, code: str, message: str, node: yaml.Node, help: str) -> None:
        span = self._span(node.start_mark, node.end_mark)
        self.findings.append(Diagnostic(code=code, message=message, span=span, help=help))

    def _convert(
        self, node: yaml.Node, *, depth: int, above: frozenset[int], key: Span | None = None
    ) -> Node:
        self.count += 1
        span = self._span(node.start_mark, node.end_mark)
        # An alias is the node it stands for: it may grow the tree, or hold itself.
        if self.count > MAX_NODES or depth > MAX_DEPTH or id(node) in above:
            self._too_much(span)
        if isinstance(node, yaml.ScalarNode):
            return Node(value=self._scalar(node), span=span, key=key)
        self._tag(node)
        inner = above | {id(node)}
        if isinstance(node, yaml.MappingNode):
            return Node(value=self._mapping(node, depth, inner), span=span, key=key)
        assert isinstance(node, yaml.SequenceNode)
        items = [self._convert(child, depth=depth + 1, above=inner) for child in node.value]
        return Node(value=tuple(items), span=span, key=key)

    def _tag(self, node: yaml.Node) -> None:
        if node.tag not in _STANDARD_TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")[:60]
            message = f"the tag '{tag}' is not allowed"
            self._report("E003", message, node, "a spec is data: remove the tag")

    def _mapping(
        self, node: yaml.MappingNode, depth: int, above: frozenset[int]
    ) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report("E103", "a key must be a plain name", key, "use a word as the key")
                continue
            self._tag(key)
            # The text of a key, never its value: `1:` and `no:` are names.
            name = str(key.value)
            if self._is_key(name, key, entries):
                span = self._span(key.start_mark, key.end_mark)
                entries[name] = self._convert(value, depth=depth + 1, above=above, key=span)
        return entries

    def _is_key(self, name: str, key: yaml.ScalarNode, entries: dict[str, Node]) -> bool:
        """Whether a mapping can have a key; if not, the reason is reported."""
        if not name.isprintable():
            odd = next(letter for letter in name if not letter.isprintable())
            message = f"a key holds {character(odd)}"
            self._report("E003", message, key, "remove it: a key is plain, visible text")
            return False
        if name == "<<" and not key.style:
            self._report("E003", "merge keys ('<<') are not allowed", key, "write the keys out")
            return False
        if name in entries:
            first = entries[name].key
            where = f", first written in line {first.line}" if first else ""
            self._report("E101", f"duplicate key '{name}'{where}", key, "keep one of them")
            return False
        return True

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        text = str(node.value)
        self._tag(node)
        if odd := _UNWRITABLE.search(text):
            self._report("E003", f"a text holds {character(odd[0])}", node, "remove it")
        # What is quoted is text; so is what has a tag, also the empty one (`! 12`), which PyYAML
        # does not report.
        start = node.start_mark.index
        if node.style or node.tag or self.text[start : start + 1] == "!":
            return text
        value, refusal = scalars.resolve(text)
        if refusal is not None:
            self._report("E003", refusal.message, node, refusal.help)
        return value


def _is_yaml(text: str) -> bool:
    try:
        compose(text)
    except (TooMuch, yaml.YAMLError, RecursionError, ValueError):
        return False
    return True
