"""Names that a spec uses, in a value or on a path, and must define: sources, teachers, families, arms.

Works on trees, so that a spec that breaks the schema elsewhere is told about its names as well; what its own faults may have
hidden is not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic, Span, suggest
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.spec import NAME_PATTERN
from dataenvgym_spec.resolve.merge import KeyPath

ROLES = ("test", "selection", "feedback")
HOLDERS: Final[dict[str, KeyPath]] = {
    "arm": ("arms",),
    "teacher": ("teachers",),
    "source": ("task", "sources"),
    "family": ("task", "sources", "*", "families"),
}
"""The mappings whose keys are names that a spec makes up, by what they name; `*` is any key."""


def check(tree: Node, *, whole: bool) -> Iterator[Diagnostic]:
    """Names in one arm that nothing has.

    Args:
        tree: the merged tree of the arm.
        whole: whether it fits the schema; if not, only names are looked up whose definitions are there.
    """
    sources = _mapping(tree, "task", "sources")
    uses = [(role, tree.find("task", "splits", role, "from")) for role in ROLES]
    uses += [
        (name, tree.find("teachers", name, "source")) for name in _mapping(tree, "teachers") or {}
    ]
    uses += [("pretrain", tree.find("student", "model", "pretrain", "source"))]
    if sources is not None:
        for _, node in uses:
            yield from _unknown("source", node, sources)
    teachers = _mapping(tree, "teachers")
    if teachers is not None or whole:
        yield from _unknown("teacher", tree.find("agent", "engine", "teacher"), teachers or {})
    yield from _families(tree, sources or {})


def contrasts(tree: Node, *, default: str, whole: bool) -> Iterator[Diagnostic]:
    """Arms that a contrast names and the spec does not have.

    Args:
        tree: the merged tree before any arm.
        default: what the only arm is called where there are none.
        whole: whether the tree fits the schema.
    """
    arms = _mapping(tree, "arms")
    listed = tree.find("analysis", "contrasts")
    misnamed = not whole and (
        not arms or any(re.fullmatch(NAME_PATTERN, name) is None for name in arms)
    )
    if misnamed or listed is None or not isinstance(listed.value, tuple):
        return
    for contrast in listed.value:
        for key in ("arm", "against"):
            yield from _unknown("arm", contrast.find(key), arms or {default: tree})


def stepped(
    paths: Mapping[KeyPath, Span], layer: Node, below: tuple[Node, ...], *, default: str
) -> Iterator[Diagnostic]:
    """Names on the paths of a matrix or of `--set` that nothing has; merging would make something new of a misspelt one.

    Args:
        paths: the paths, with the places where they were written.
        layer: what they set.
        below: trees that define names, with their arms.
        default: what the only arm is called where there are none.
    """
    for path, span in paths.items():
        node = layer.find(*path)
        unknown = _step(path, below, default, defines=node is not None and node.value is not None)
        if unknown is not None:
            what, at, known = unknown
            if not any(
                other == path[: len(other)] and at < len(other) < len(path) for other in paths
            ):
                yield Diagnostic(
                    code="E201",
                    message=f"there is no {what} '{path[at]}'",
                    span=span,
                    help=suggest(path[at], known),
                )


def _step(
    path: KeyPath, below: tuple[Node, ...], default: str, *, defines: bool
) -> tuple[str, int, set[str]] | None:
    """The first name on a path that nothing has: what it would name, which step it is, and the names that there are.

    A path that ends at the name of a teacher, a source or a family may define it. An arm is defined with all arms or not at all.
    """
    for what, holder in HOLDERS.items():
        at = len(holder)
        if len(path) <= at or any(
            step not in ("*", own) for step, own in zip(holder, path[:at], strict=True)
        ):
            continue
        known = {name for tree in below for name in _mapping(tree, *path[:at]) or {}} or (
            {default} if what == "arm" else set()
        )
        if path[at] not in known and (what == "arm" or not defines or len(path) > at + 1):
            return what, at, known
        if what == "arm":
            arms = tuple(arm for tree in below if (arm := tree.find(*path[:2])) is not None)
            inner = _step(path[2:], (*below, *arms), default, defines=defines)
            return (inner[0], inner[1] + 2, inner[2]) if inner else None
    return None


def _families(tree: Node, sources: dict[str, Node]) -> Iterator[Diagnostic]:
    source = tree.find("student", "model", "pretrain", "source")
    known = (
        _mapping(sources[str(source.value)], "families")
        if source is not None and str(source.value) in sources
        else None
    )
    for group, node in (_mapping(tree, "student", "model", "pretrain", "examples") or {}).items():
        if known and source is not None and group not in known:
            yield node.key_fault(
                "E201", f"there is no family '{group}' in '{source.value}'", suggest(group, known)
            )


def _unknown(what: str, node: Node | None, known: dict[str, Node]) -> Iterator[Diagnostic]:
    if node is not None and isinstance(node.value, str) and node.value not in known:
        yield node.fault("E201", f"there is no {what} '{node.value}'", suggest(node.value, known))


def _mapping(tree: Node, *path: str) -> dict[str, Node] | None:
    node = tree.find(*path)
    return node.value if node is not None and isinstance(node.value, dict) else None
