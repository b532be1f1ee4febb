"""`--set path=value`: what the command line says about a spec, as a layer above all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic, Span, SpecError
from dataenvgym_spec.language import source
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.merge import Layer, Path, joined, parse_path, planted

NAME: Final = "--set"
FIXED: Final = frozenset({"extends", "$schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line sets, and where each of its paths was written."""

    tree: Node
    paths: dict[Path, Span]

    @property
    def layer(self) -> Layer:
        """The layer above all others."""
        return Layer(name=NAME, tree=self.tree)


def settings(texts: Sequence[str], wrong: Callable[[Node], bool]) -> Settings | None:
    """What some `path=value` texts say together; a later one wins.

    A value is read as YAML. Where the schema wants a text and YAML reads something else (`--set name=2024`), it is taken as
    the text it is written as.

    Args:
        texts: the arguments of `--set`.
        wrong: whether a tree that holds one setting breaks the schema at it by its type.

    Raises:
        SpecError: an argument is no `path=value`, or its value is no YAML.
    """
    paths: dict[Path, Span] = {}
    trees: list[Node] = []
    found: list[Diagnostic] = []
    for text in texts:
        try:
            path, key, tree = _typed(text, wrong)
        except SpecError as error:
            found += error.diagnostics
        else:
            paths[path] = key
            trees.append(tree)
    if found:
        raise SpecError(found)
    return Settings(tree=joined(trees), paths=paths) if trees else None


def _typed(text: str, wrong: Callable[[Node], bool]) -> tuple[Path, Span, Node]:
    name, equals, value = text.partition("=")
    path = parse_path(name.strip())
    key = Span(file=NAME, line=1, column=1, end_column=len(name) + 1, text=text)
    if path is not None and path[0] in FIXED:
        raise SpecError(
            [
                Diagnostic(
                    code="E204",
                    message=f"'{path[0]}' cannot be set from the command line",
                    span=key,
                    help="write it in a spec file",
                )
            ]
        )
    if path is None or not equals:
        raise SpecError(
            [
                Diagnostic(
                    code="E106",
                    message=f"'{text[:60]}' is no setting",
                    span=key,
                    help="write path=value, as in loop.iterations=3",
                )
            ]
        )
    read = (
        _shifted(source.parse(value, file=NAME), len(name) + 1, text)
        if value.strip()
        else Node(value=None, span=key)
    )
    tree = planted(path, read, key)
    if isinstance(read.value, str | dict | tuple) or read.value is None or not wrong(tree):
        return path, key, tree
    return path, key, planted(path, replace(read, value=value), key)


def _shifted(node: Node, columns: int, text: str) -> Node:
    """The node with places in the whole argument rather than in its value."""

    def move(span: Span) -> Span:
        first = columns if span.line == 1 else 0
        return replace(
            span,
            column=span.column + first,
            end_column=span.end_column + first,
            text=text if span.line == 1 else span.text,
        )

    value = node.value
    if isinstance(value, dict):
        value = {name: _shifted(child, columns, text) for name, child in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_shifted(child, columns, text) for child in value)
    return replace(
        node, value=value, span=move(node.span), key=move(node.key) if node.key else None
    )
