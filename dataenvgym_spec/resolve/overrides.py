"""`--set path=value`: the settings of the command line, as a layer above all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic, Span, SpecError
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.merge import KeyPath, Layer, joined, parse_path, planted

NAME: Final = "--set"
FIXED: Final = frozenset({"extends", "$schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values that the command line sets, and where each of its paths was written."""

    tree: Node
    paths: dict[KeyPath, Span]

    @property
    def layer(self) -> Layer:
        """The layer above all others."""
        return Layer(name=NAME, tree=self.tree)


def settings(texts: Sequence[str], wrong: Callable[[Node], bool]) -> Settings | None:
    """The settings of some `path=value` texts; a later one wins.

    A value is read as YAML. Where the schema wants a text and YAML reads something else (`--set
    name=2024`), the value is the text itself.

    Args:
        texts: the arguments of `--set`.
        wrong: whether the value of a tree with one setting is of a type that the schema refuses.

    Raises:
        SpecError: an argument is not `path=value`, or its value is not YAML.
    """
    paths: dict[KeyPath, Span] = {}
    trees: list[Node] = []
    findings: list[Diagnostic] = []
    for text in texts:
        try:
            path, key, tree = _typed(text, wrong)
        except SpecError as error:
            findings += error.diagnostics
        else:
            paths[path] = key
            trees.append(tree)
    if findings:
        raise SpecError(findings)
    if not trees:
        return None
    return Settings(tree=joined(trees), paths=paths)


def _typed(text: str, wrong: Callable[[Node], bool]) -> tuple[KeyPath, Span, Node]:
    name, equals, value = text.partition("=")
    path = parse_path(name.strip())
    key = Span(file=NAME, line=1, column=1, end_column=len(name) + 1, text=text)
    if path is not None and path[0] in FIXED:
        message = f"'{path[0]}' cannot be set from the command line"
        raise _failure("E204", message, key, "write it in a spec file")
    if path is None or not equals:
        message = f"'{text[:60]}' is no setting"
        raise _failure("E106", message, key, "write path=value, as in loop.iterations=3")
    node = Node(value=None, span=key)
    if value.strip():
        node = _shifted(source.parse(value, file=NAME), len(name) + 1, text)
    tree = planted(path, node, key)
    # Only a number or a truth value can be a text that YAML reads as something else.
    is_number = isinstance(node.value, int | float)
    if is_number and wrong(tree):
        tree = planted(path, replace(node, value=value), key)
    return path, key, tree


def _failure(code: str, message: str, span: Span, help: str) -> SpecError:
    return SpecError([Diagnostic(code=code, message=message, span=span, help=help)])


def _shifted(node: Node, columns: int, text: str) -> Node:
    """The node with places in the whole argument instead of in its value.

    Args:
        node: a tree that was parsed from the end of the argument.
        columns: the length of the argument before that.
        text: the argument.
    """
    value = node.value
    if isinstance(value, dict):
        value = {name: _shifted(child, columns, text) for name, child in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_shifted(child, columns, text) for child in value)
    key = _moved(node.key, columns, text) if node.key is not None else None
    return replace(node, value=value, span=_moved(node.span, columns, text), key=key)


def _moved(span: Span, columns: int, text: str) -> Span:
    # A value of several lines begins in the first line of the argument only.
    if span.line > 1:
        return span
    column, end = span.column + columns, span.end_column + columns
    return replace(span, column=column, end_column=end, text=text)
